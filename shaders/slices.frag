// Slices. Terms: number = which mask voxel a pixel shows (0: none), value = the map there, grey = the anatomy there.
// Maths, from the bottom up:
//     ground    anatomy: background for grey 0, soon dark, then linearly to light; no anatomy: background, the mask's
//               fill, and its outline on those of its pixels that have a neighbour (one pixel away) outside
//     map       lut(1/2 + value / (2 vmax)) where there is a value and |value| >= threshold; opaque

// include "common/volume.glsl"

// Numbers of the mask's voxels, from 1; 0 outside.
uniform sampler3D u_index;
// Size of the mask's grid, voxels.
uniform vec3 u_index_size;
// The map column, packed; values of 1e38 and above are missing.
uniform sampler2D u_map;
// Size of that texture, texels; the width is a power of two.
uniform vec2 u_map_size;
// Diverging colours, 256 in one row, from -vmax to +vmax.
uniform sampler2D u_lut;
// Anatomy, 0..1.
uniform sampler3D u_anatomy;
// Size of the anatomy, voxels.
uniform vec3 u_anatomy_size;
// Whether there is a map, 0 or 1.
uniform float u_has_map;
// Whether there is an anatomy, 0 or 1.
uniform float u_has_anatomy;
// Number of neighbours looked at for the outline, 0 or 4: none are needed over an anatomy.
uniform int u_neighbours;
// Value at the ends of the colours, > 0.
uniform float u_vmax;
// Smallest size of a value that is drawn, >= 0.
uniform float u_threshold;
// Colours, sRGB, 0..1.
uniform vec4 u_background;
uniform vec4 u_fill;
uniform vec4 u_outline;
uniform vec4 u_anatomy_dark;
uniform vec4 u_anatomy_light;

varying vec3 v_voxel;
varying vec3 v_anatomy;
varying vec3 v_right;
varying vec3 v_down;

// Grey (0..1) at which the anatomy is fully there: below it blends into the background, so that the head has no hard rim.
const float HEAD = 0.06;

vec3 over(vec3 below, vec4 above) {
    return mix(below, above.rgb, above.a);
}

vec3 anatomy_ground() {
    float grey = on_grid(v_anatomy, u_anatomy_size) * texture3D(u_anatomy, (v_anatomy + 0.5) / u_anatomy_size).r;
    vec3 tone = mix(u_anatomy_dark.rgb, u_anatomy_light.rgb, grey);
    return mix(u_background.rgb, tone, clamp(grey / HEAD, 0.0, 1.0));
}

// 1 where all neighbours of a pixel in the mask are in it too.
float surrounded() {
    float all_inside = 1.0;
    vec3 across = v_right;
    vec3 along = v_down;
    for (int n = 0; n < u_neighbours; n += 2) {
        all_inside *= min(mask_voxel(u_index, u_index_size, v_voxel + across), 1.0);
        all_inside *= min(mask_voxel(u_index, u_index_size, v_voxel + along), 1.0);
        across = -across;
        along = -along;
    }
    return all_inside;
}

vec3 mask_ground(float inside) {
    vec3 filled = over(u_background.rgb, u_fill);
    vec3 lined = over(u_background.rgb, u_outline);
    return mix(u_background.rgb, mix(lined, filled, surrounded()), inside);
}

void main() {
    float number = mask_voxel(u_index, u_index_size, v_voxel);
    float inside = min(number, 1.0);
    vec3 ground = u_has_anatomy > 0.5 ? anatomy_ground() : mask_ground(inside);

    float value = packed_value(u_map, u_map_size, max(number, 1.0));
    float size = abs(value);
    float shown = u_has_map * inside * step(u_threshold, size) * (1.0 - step(1.0e38, size));
    float place = clamp(0.5 + 0.5 * value / u_vmax, 0.0, 1.0);
    vec3 colour = texture2D(u_lut, vec2((place * 255.0 + 0.5) / 256.0, 0.5)).rgb;
    gl_FragColor = vec4(mix(ground, colour, shown), 1.0);
}
