// Images. Terms: value = what the image has at a pixel: of the map, or a mark for "none in the mask" or "outside it".
// Maths, from the bottom up:
//     ground    background outside the mask; in it the fill, or the colour of what is missing
//     map       lut(1/2 + value / (2 vmax)) where |value| >= threshold, as opaque as the operator wants it
//     outline   on pixels of the mask that have a neighbour outside it, floor(width) pixels away; on those that have one
//               a pixel farther away with the rest of the width as opacity, so that 1.5 pixels look like that

// Values of all images.
uniform sampler2D u_atlas;
// Size of that texture, texels.
uniform vec2 u_atlas_size;
// Diverging colours, 256 in one row, from -vmax to +vmax.
uniform sampler2D u_lut;

varying vec2 v_texel;
varying vec4 v_cell;
varying vec2 v_step;
varying vec4 v_range;
varying vec3 v_background;
varying vec3 v_fill;
varying vec3 v_missing;
varying vec4 v_outline;

// Values below MEASURED are values, others below INSIDE are missing.
const float MEASURED = 1.0e38;
const float INSIDE = 2.5e38;

float value_at(vec2 texel) {
    vec2 within = step(vec2(0.0), texel) * (1.0 - step(v_cell.zw, texel));
    vec2 place = v_cell.xy + floor(clamp(texel, vec2(0.0), v_cell.zw - 0.5)) + 0.5;
    float value = texture2D(u_atlas, place / u_atlas_size).r;
    return within.x * within.y > 0.5 ? value : 3.0e38;
}

float outside(vec2 texel) {
    return step(INSIDE, value_at(texel));
}

// 1 where one of the four neighbours that many pixels away is outside.
float near_edge(float pixels) {
    vec2 across = vec2(v_step.x * pixels, 0.0);
    vec2 along = vec2(0.0, v_step.y * pixels);
    float beside = max(outside(v_texel - across), outside(v_texel + across));
    return max(beside, max(outside(v_texel - along), outside(v_texel + along)));
}

void main() {
    float value = value_at(v_texel);
    float size = abs(value);
    float inside = 1.0 - step(INSIDE, value);
    float measured = 1.0 - step(MEASURED, size);
    vec3 ground = mix(v_background, mix(v_missing, v_fill, measured), inside);

    float place = clamp(0.5 + 0.5 * value / v_range.x, 0.0, 1.0);
    vec3 colour = texture2D(u_lut, vec2((place * 255.0 + 0.5) / 256.0, 0.5)).rgb;
    vec3 painted = mix(ground, colour, measured * step(v_range.y, size) * v_range.z);

    float whole = floor(v_range.w);
    float line = max(near_edge(whole), (v_range.w - whole) * near_edge(whole + 1.0));
    gl_FragColor = vec4(mix(painted, v_outline.rgb, inside * line * v_outline.a), 1.0);
}
