// Images. Terms: an image is a small rectangle of map values, magnified; its cell is where it lies in the atlas, a
// texture that holds all of them. Texels of a cell are counted from its top left.
// Maths: pixel -> texel is linear, so corners suffice; whatever else an image has is the same at all four.

// include "common/pixels.glsl"

// Framebuffer, width and height in pixels, >= 1.
uniform vec2 u_framebuffer;

// Pixels, from the top left.
attribute vec2 a_pixel;
// Texels of the cell; from right to left where the image is mirrored.
attribute vec2 a_texel;
// Left, top, width and height of the cell in the atlas, texels.
attribute vec4 a_cell;
// Texels a pixel, to the right and downwards, > 0.
attribute vec2 a_step;
// Value at the ends of the colours; smallest size that is drawn; opacity, 0..1; width of the outline, pixels.
attribute vec4 a_range;
// Colours, sRGB, 0..1: outside the mask, where no value is drawn, where there is none, and the outline's with alpha.
attribute vec3 a_background;
attribute vec3 a_fill;
attribute vec3 a_missing;
attribute vec4 a_outline;

varying vec2 v_texel;
varying vec4 v_cell;
varying vec2 v_step;
varying vec4 v_range;
varying vec3 v_background;
varying vec3 v_fill;
varying vec3 v_missing;
varying vec4 v_outline;

void main() {
    v_texel = a_texel;
    v_cell = a_cell;
    v_step = a_step;
    v_range = a_range;
    v_background = a_background;
    v_fill = a_fill;
    v_missing = a_missing;
    v_outline = a_outline;
    gl_Position = pixel_to_clip(a_pixel, u_framebuffer);
}
