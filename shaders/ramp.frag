// The colour bar: from +vmax at the top to -vmax at the bottom, cut where the map is not drawn either.
//
// Terms: s = 1 - depth is the share of the scale, 0 at the bottom; t = threshold / vmax.
//
//   value / vmax = 2 s - 1
//   colour = |2 s - 1| < t ? cut : lut((255 s + 1/2) / 256)

// Diverging colours, 256 in one row, from -vmax to +vmax.
uniform sampler2D u_lut;
// Threshold as a share of vmax, >= 0.
uniform float u_threshold;
// Colour of the part below the threshold, 0..1.
uniform vec4 u_cut;

varying float v_depth;

void main() {
    float share = 1.0 - v_depth;
    vec4 colour = texture2D(u_lut, vec2((share * 255.0 + 0.5) / 256.0, 0.5));
    gl_FragColor = abs(2.0 * share - 1.0) < u_threshold ? u_cut : colour;
}
