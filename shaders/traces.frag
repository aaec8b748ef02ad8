// Coverage of a pixel by the traces' strokes; see traces.vert for the geometry.
//
// Lines:  coverage = clamp(w + 1/2 - d), d the distance to the nearest of three segments, w half the width: round joints
//         and caps, one pixel of antialiasing.
// Bands:  coverage = clamp((w - e) c + 1/2), e how far (vertically) the pixel lies outside of [top, bottom],
//         c = 1 / sqrt(1 + slope^2) of the nearer edge, not below 1/4.
// Dashes: u = (x - x0) mod (dash + gap); coverage = clamp(dash / 2 + 1/2 - distance to the dash's middle).
// Result: the template's colour, alpha times coverage; straight alpha.

// plot: x, y, width, height, pixels; nothing is drawn outside
uniform vec4 u_plot;
// half the line's width, pixels, > 0
uniform float u_half_width;
// TRs a column, 1..1024; 1 draws lines
uniform float u_bin;
// pixel x at which a dash of every template begins
uniform float u_dash_x;

varying vec2 v_pixel;
varying vec4 v_pa;
varying vec4 v_dn;
varying vec4 v_colour;
varying vec2 v_dash;

float squared_distance(vec2 point, vec2 from, vec2 to) {
    vec2 along = to - from;
    vec2 offset = point - from;
    vec2 rest = offset - along * clamp(dot(offset, along) / max(dot(along, along), 1.0e-6), 0.0, 1.0);
    return dot(rest, rest);
}

float line_coverage() {
    float nearest = min(
        squared_distance(v_pixel, v_pa.zw, v_dn.xy),
        min(squared_distance(v_pixel, v_pa.xy, v_pa.zw), squared_distance(v_pixel, v_dn.xy, v_dn.zw)));
    return u_half_width + 0.5 - sqrt(nearest);
}

float band_coverage() {
    float above = v_pa.x - v_pixel.y;
    float below = v_pixel.y - v_pa.y;
    vec2 slopes = dFdx(v_pa.xy);
    float slope = above > below ? slopes.x : slopes.y;
    float steepness = max(inversesqrt(1.0 + slope * slope), 0.25);
    return (u_half_width - max(above, below)) * steepness + 0.5;
}

float dash_coverage() {
    float period = v_dash.x + v_dash.y;
    if (v_dash.x <= 0.0 || v_dash.y <= 0.0) {
        return 1.0;
    }
    float middle = abs(mod(v_pixel.x - u_dash_x, period) - 0.5 * v_dash.x);
    return 0.5 * v_dash.x + 0.5 - min(middle, period - middle);
}

void main() {
    vec2 inside = v_pixel - u_plot.xy;
    float coverage = clamp(u_bin < 1.5 ? line_coverage() : band_coverage(), 0.0, 1.0) * clamp(dash_coverage(), 0.0, 1.0);
    if (coverage <= 0.0 || any(lessThan(inside, vec2(0.0))) || any(greaterThanEqual(inside, u_plot.zw))) {
        discard;
    }
    gl_FragColor = vec4(v_colour.rgb, v_colour.a * coverage);
}
