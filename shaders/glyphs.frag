// Glyphs: the text's colour with the atlas's coverage as alpha.
//
//   alpha = colour.a * coverage ^ w        w = 1 - 0.22 luma(colour)
//
// Blending happens on sRGB values, which makes half-covered pixels of light text on dark too dark and the text too thin;
// the exponent gives the weight back, and leaves dark text as it is.

// Coverage of all glyphs, one channel, 0..1.
uniform sampler2D u_atlas;

varying vec2 v_atlas;
varying vec4 v_colour;
varying float v_weight;

void main() {
    float coverage = texture2D(u_atlas, v_atlas).r;
    gl_FragColor = vec4(v_colour.rgb, v_colour.a * pow(coverage, v_weight));
}
