// Ground without an anatomy: background, the mask's fill, and its outline on those of its pixels that have a neighbour
// (one pixel away) outside.

uniform vec4 u_fill;
uniform vec4 u_outline;

// One pixel to the right and one downwards, voxels.
varying vec3 v_right;
varying vec3 v_down;

vec3 ground(float inside) {
    float sides = in_mask(v_voxel + v_right) * in_mask(v_voxel - v_right);
    float ends = in_mask(v_voxel + v_down) * in_mask(v_voxel - v_down);
    vec3 filled = over(u_background.rgb, u_fill);
    vec3 lined = over(u_background.rgb, u_outline);
    return mix(u_background.rgb, mix(lined, filled, sides * ends), inside);
}
