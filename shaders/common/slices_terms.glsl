// Slices. Terms: value = the map at a pixel, missing = a voxel of the mask without a value, grey = the anatomy there.
// Maths, from the bottom up:
//     ground    `ground`: the anatomy, or the mask's fill and outline
//     missing   laid over it by its alpha
//     map       lut(1/2 + value / (2 vmax)) where there is a value and |value| >= threshold, laid over by its opacity
// A program has one `sampled` (nearest or linear) and one `ground` (mask or anatomy), never a choice between them: drivers
// that work on many pixels at once run through both sides of a branch.

// include "common/volume.glsl"

// Colours, sRGB, 0..1.
uniform vec4 u_background;

// Coordinates in the mask's box, voxels.
varying vec3 v_voxel;

vec3 over(vec3 below, vec4 above) {
    return mix(below, above.rgb, above.a);
}
