// Boxes and segments: how much of this pixel the shape covers, times its colour's alpha.
//
// Terms: p is the pixel's centre in the shape's frame (origin at its centre), h the shape's half size, r its radius,
// b the width of its border; all in pixels.
//
//   q = |p| - h + r                  d = |max(q, 0)| + min(max(q.x, q.y), 0) - r         (signed distance to the edge)
//   edge = clamp(1/2 - d, 0, c) - clamp(1/2 - d - b, 0, 1)            c = min(1, the shape's width), for thin shapes
//
// which is the exact area for straight edges along the pixels: 0 or 1 where a box lies on whole pixels. Dashes: with s
// the distance from their start, n = dash and P = dash + gap,
//
//   I(s) = floor(s / P) n + min(s - floor(s / P) P, n)                                             (ink as far as s)
//   coverage = edge (I(s + 1/2) - I(s - 1/2))
//
// One formula for all shapes and no branches: software rasterisers pay for both sides of a branch.

varying vec4 v_colour;
varying vec2 v_local;
varying vec4 v_shape;
varying vec4 v_dash;

void main() {
    float radius = v_shape.z;
    vec2 q = abs(v_local) - v_shape.xy + radius;
    float d = length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - radius;
    float edge = clamp(0.5 - d, 0.0, v_dash.w) - clamp(0.5 - d - v_shape.w, 0.0, 1.0);

    vec2 s = v_dash.x + vec2(0.5, -0.5);
    vec2 turns = floor(s / v_dash.z);
    vec2 ink = turns * v_dash.y + min(s - turns * v_dash.z, v_dash.y);

    gl_FragColor = vec4(v_colour.rgb, v_colour.a * edge * (ink.x - ink.y));
}
