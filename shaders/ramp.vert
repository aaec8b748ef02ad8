// The colour bar: one quad, on whole pixels.
//
// Terms: corner is (0 or 1, 0 or 1) from the bar's top left.

// include "common/pixels.glsl"

// Size of the framebuffer, pixels, > 0.
uniform vec2 u_framebuffer;
// The bar: x, y, width, height, whole pixels.
uniform vec4 u_rect;

attribute vec2 a_corner;

// Depth below the bar's top, 0..1.
varying float v_depth;

void main() {
    v_depth = a_corner.y;
    gl_Position = pixel_to_clip(u_rect.xy + a_corner * u_rect.zw, u_framebuffer);
}
