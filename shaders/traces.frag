// Coverage of a pixel by the traces' strokes; see traces.vert for the geometry.
//
// Distance d to the nearest of up to three segments: own, before, after. Each is a pair: across, and beyond an end.
//   d^2 = min over the segments of max(across, 0)^2 + max(beyond, 0)^2
//   coverage = clamp(w + 1/2 - d), w half the width: round joints and caps, one pixel of antialiasing.
// Bands have an upper and a lower edge instead of one centre, their extremes instead of ends, and no neighbours.
// Dashes: u is the position in periods, f = |fract(u) - 1/2| the distance to a dash's middle;
//   coverage = clamp((half a dash - f) period + 1/2).
// Result: the template's colour, alpha times both coverages; straight alpha. The quads end at the plot's edges.

// half the line's width, pixels, > 0
uniform float u_half_width;

varying vec4 v_own;
varying vec4 v_beside;
varying vec4 v_colour;
varying vec3 v_dash;

void main() {
    vec2 own = max(max(v_own.xz, v_own.yw), 0.0);
    vec2 ends = max(v_beside.yw, 0.0);
    vec2 beside = v_beside.xz * v_beside.xz + ends * ends;
    float distance2 = min(dot(own, own), min(beside.x, beside.y));
    float coverage = clamp(u_half_width + 0.5 - sqrt(distance2), 0.0, 1.0);
    coverage *= clamp((v_dash.z - abs(fract(v_dash.x) - 0.5)) * v_dash.y + 0.5, 0.0, 1.0);
    gl_FragColor = vec4(v_colour.rgb, v_colour.a * coverage);
}
