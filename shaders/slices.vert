// Slices. Terms: each slice is a rectangle of pixels (two triangles) and the plane of world space that it shows.
// Maths: pixel -> mm is linear, mm -> voxel is linear, so corners suffice and the rasteriser interpolates in between:
//     voxel = inverse(affine) mm,    one pixel = inverse(affine) (mm a pixel).

// include "common/pixels.glsl"

// Framebuffer, width and height in pixels, >= 1.
uniform vec2 u_framebuffer;
// From mm to voxel coordinates of the box around the mask.
uniform mat4 u_mm_to_voxel;
// From mm to voxel coordinates of the anatomy.
uniform mat4 u_mm_to_anatomy;

// Pixels, from the top left.
attribute vec2 a_pixel;
// World position, mm RAS+.
attribute vec3 a_mm;
// World step for one pixel to the right and one pixel downwards, mm.
attribute vec3 a_right;
attribute vec3 a_down;

varying vec3 v_voxel;
varying vec3 v_anatomy;
varying vec3 v_right;
varying vec3 v_down;

void main() {
    v_voxel = (u_mm_to_voxel * vec4(a_mm, 1.0)).xyz;
    v_anatomy = (u_mm_to_anatomy * vec4(a_mm, 1.0)).xyz;
    v_right = (u_mm_to_voxel * vec4(a_right, 0.0)).xyz;
    v_down = (u_mm_to_voxel * vec4(a_down, 0.0)).xyz;
    gl_Position = pixel_to_clip(a_pixel, u_framebuffer);
}
