// Glyphs: one quad each, cut out of the atlas.
//
// Terms: place.xy is the corner in framebuffer pixels, place.zw the same corner in texels of the atlas (origin at its
// first texel, so unrotated glyphs on whole pixels are copied texel by texel); colour is the text's.

// include "common/pixels.glsl"

// Size of the framebuffer, pixels, > 0.
uniform vec2 u_framebuffer;
// Size of the atlas, texels, > 0.
uniform vec2 u_atlas_size;

attribute vec4 a_place;
attribute vec4 a_colour;

varying vec2 v_atlas;
varying vec4 v_colour;
// Exponent for the coverage, 0.78 to 1.
varying float v_weight;

void main() {
    v_atlas = a_place.zw / u_atlas_size;
    v_colour = a_colour;
    v_weight = mix(1.0, 0.78, dot(a_colour.rgb, vec3(0.2126, 0.7152, 0.0722)));
    gl_Position = pixel_to_clip(a_place.xy, u_framebuffer);
}
