// Boxes and segments: one quad each, large enough for the shape and its antialiased edge.
//
// Terms: geom, colour, style, kind as in `rtcog_gl.model.draw.SHAPE`; corner is (-1 or 1, -1 or 1, kind).
// Both kinds are a box with round corners in a frame of its own, whose first axis runs along the longer side:
//   BOX (kind 0):      centre geom.xy + geom.zw / 2, half size geom.zw / 2, radius style.x
//   SEGMENT (kind 1):  centre between the ends, half size (length / 2 + r, r), radius r = style.x
// The quad is the box grown by 1 pixel on each side. Lengths are in pixels.

// include "common/pixels.glsl"

// Size of the framebuffer, pixels, > 0.
uniform vec2 u_framebuffer;

attribute vec4 a_geom;
attribute vec4 a_colour;
attribute vec4 a_style;
attribute vec3 a_corner;

varying vec4 v_colour;
// Place in the shape's frame, from its centre.
varying vec2 v_local;
// Half size, radius, border (wider than any shape where it is filled).
varying vec4 v_shape;
// Distance from the start of the dashes, dash, dash + gap, largest coverage (less than 1 for thin shapes).
varying vec4 v_dash;

void main() {
    vec2 centre;
    vec2 along;
    vec2 half_size;
    float start = 0.0;
    float radius = a_style.x;
    if (a_corner.z < 0.5) {
        half_size = 0.5 * max(a_geom.zw, 0.0);
        centre = a_geom.xy + half_size;
        along = vec2(1.0, 0.0);
        if (half_size.x < half_size.y) {
            half_size = half_size.yx;
            along = vec2(0.0, 1.0);
        }
        radius = clamp(radius, 0.0, half_size.y);
    } else {
        vec2 line = a_geom.zw - a_geom.xy;
        float size = length(line);
        centre = 0.5 * (a_geom.xy + a_geom.zw);
        along = size > 0.0 ? line / size : vec2(1.0, 0.0);
        half_size = vec2(0.5 * size + radius, radius);
        start = radius;
    }
    vec2 across = vec2(-along.y, along.x);
    v_local = a_corner.xy * (half_size + 1.0);
    v_colour = a_colour;
    v_shape = vec4(half_size, radius, a_style.y > 0.0 ? a_style.y : 1.0e6);
    float dash = a_style.z > 0.0 ? a_style.z : 1.0;
    float gap = a_style.z > 0.0 ? a_style.w : 0.0;
    v_dash = vec4(v_local.x + half_size.x - start, dash, dash + gap, min(2.0 * half_size.y, 1.0));
    gl_Position = pixel_to_clip(centre + v_local.x * along + v_local.y * across, u_framebuffer);
}
