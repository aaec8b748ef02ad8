// The last steps of each slices program; see `common/slices_terms.glsl`.

// Diverging colours, 256 in one row, from -vmax to +vmax.
uniform sampler2D u_lut;
// Whether there is a map, 0 or 1.
uniform float u_has_map;
// Value at the ends of the colours, > 0.
uniform float u_vmax;
// Smallest size of a value that is drawn, >= 0.
uniform float u_threshold;
// Of the map over the ground, 0..1.
uniform float u_opacity;
// Colour, sRGB, 0..1.
uniform vec4 u_missing;

void main() {
    vec4 here = sampled(v_voxel);
    vec3 below = over(ground(here.w), vec4(u_missing.rgb, u_missing.a * u_has_map * here.z));
    float place = clamp(0.5 + 0.5 * here.x / u_vmax, 0.0, 1.0);
    vec3 colour = texture2D(u_lut, vec2((place * 255.0 + 0.5) / 256.0, 0.5)).rgb;
    float shown = u_has_map * here.y * step(u_threshold, abs(here.x));
    gl_FragColor = vec4(mix(below, colour, shown * u_opacity), 1.0);
}
