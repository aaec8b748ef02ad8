// All score traces. One quad a column and template; its heights come from textures, so that a new TR uploads one score
// a template and scrolling uploads nothing.
//
// Lines (one TR a column): the quad is the strip from TR t (point a) to TR t + 1 (point d). The fragment measures its
// distance to the segments p-a, a-d, d-n, where p and n are the neighbours, so every pixel is painted once a template
// and joints neither thicken nor break. Reach r = half width + antialiasing. A stroke of slope m is r sqrt(1 + m^2)
// high at a given x, which gives the strip's height at both sides. Points that are not there fall onto their neighbour:
// a segment ends in a round cap, a lone score is a dot, and nothing is drawn across a gap.
//
// Bands (several TRs a column): a column's extent is the lowest and highest of its scores. The strip runs from the centre
// of one column to the centre of the next, its upper and lower edge from highest to highest and from lowest to lowest.
// Where one of the two has no score, the band goes on level to the border between them.
//
// Quads end at the plot's edges: one that crosses an edge becomes an upright box, cut off there.
//
// All distances are linear in the pixel's position (within a strip), so the vertices compute them and the fragment only
// compares. Terms: column and bin as in rtcog_gl.model.fold; rel is a TR relative to u_first.

attribute vec3 a_quad;  // column, template, corner (0 left top, 1 right top, 2 left bottom, 3 right bottom)

// scores of the run, folded
uniform sampler2D u_scores;
// its fold: templates, rows a strip, width, height (texels)
uniform vec4 u_fold;
// minimum and maximum of blocks of 16 TRs, folded: two values a template
uniform sampler2D u_blocks;
// its fold
uniform vec4 u_block_fold;
// blocks that are complete, 0..
uniform float u_complete;
// one row of colours (0..1) and one of dash and gap (pixels); a texel a template
uniform sampler2D u_styles;
// number of templates, 1..
uniform float u_templates;
// size of the framebuffer, pixels
uniform vec2 u_framebuffer;
// plot: x, y, width, height, pixels
uniform vec4 u_plot;
// TRs at the left and right edge of the plot, relative to u_first
uniform vec2 u_times;
// scores at the bottom and top of the plot
uniform vec2 u_values;
// first TR of column 0, a whole number, can be negative
uniform float u_first;
// TRs a column, 1..1024
uniform float u_bin;
// TRs written so far, 0..; scores beyond are missing
uniform float u_end;
// half the line's width, pixels, > 0
uniform float u_half_width;
// pixel x at which a dash of every template begins
uniform float u_dash_x;

varying vec4 v_own;     // pixels outside of the own stroke's centre or edges: above, below; beyond one end, the other
varying vec4 v_beside;  // segment p-a: pixels across, pixels before its end a; the same for d-n and d
varying vec4 v_colour;  // 0..1
varying vec3 v_dash;    // position in periods (whole at a gap's middle), period in pixels, half a dash in periods

// include "common/pixels.glsl"
// include "common/axes.glsl"
// include "common/scores.glsl"

const float BLOCK = 16.0;
const float MAX_STEPS = 64.0;
const float FAR = 16384.0;  // pixels; heights are held within, so that distances stay exact

float score_at(float t, float k) {
    if (t < 0.0 || t >= u_end) {
        return SCORE_MISSING;
    }
    return folded(u_scores, u_fold, t, k);
}

float x_of(float rel) {
    return axes_x(rel, u_plot, u_times);
}

float y_of(float score) {
    return clamp(axes_y(score, u_plot, u_values), -FAR, FAR);
}

bool has_scores(vec2 extent) {
    return extent.x <= extent.y;
}

// Lowest and highest of the scores t .. t + count - 1; lowest > highest where there are none.
vec2 extent_of_scores(float t, float count, float k) {
    vec2 extent = vec2(SCORE_MISSING, -SCORE_MISSING);
    for (float i = 0.0; i < MAX_STEPS; i += 1.0) {
        if (i >= count || t + i >= u_end) {
            break;
        }
        float score = score_at(t + i, k);
        if (is_score(score)) {
            extent = vec2(min(extent.x, score), max(extent.y, score));
        }
    }
    return extent;
}

vec2 extent_of_blocks(float t, float k) {
    vec2 extent = vec2(SCORE_MISSING, -SCORE_MISSING);
    float first = floor((t + 0.5) / BLOCK);
    for (float i = 0.0; i < MAX_STEPS; i += 1.0) {
        float block = first + i;
        if (i * BLOCK >= u_bin || block >= u_complete) {
            break;
        }
        if (block >= 0.0) {
            float lowest = folded(u_blocks, u_block_fold, block, 2.0 * k);
            if (is_score(lowest)) {
                extent = vec2(min(extent.x, lowest), max(extent.y, folded(u_blocks, u_block_fold, block, 2.0 * k + 1.0)));
            }
        }
    }
    // The newest block is open: its scores are looked at one by one.
    if (u_complete >= first && u_complete * BLOCK < t + u_bin) {
        vec2 open = extent_of_scores(u_complete * BLOCK, BLOCK, k);
        extent = vec2(min(extent.x, open.x), max(extent.y, open.y));
    }
    return extent;
}

vec2 extent_of_column(float column, float k) {
    float t = u_first + column * u_bin;
    if (u_bin > BLOCK && u_block_fold.x > 0.0) {
        return extent_of_blocks(t, k);
    }
    return extent_of_scores(t, u_bin, k);
}

vec2 direction(vec2 from, vec2 to) {
    vec2 along = to - from;
    float size = length(along);
    return size > 1.0e-4 ? along / size : vec2(1.0, 0.0);
}

// Signed distance from the line through `origin` along `axis`.
float across(vec2 point, vec2 origin, vec2 axis) {
    return dot(point - origin, vec2(-axis.y, axis.x));
}

// Returns a corner (`right` and `lower` are 0 or 1) of a quad within the plot that covers the strip between two x, its
// upper edge at tops.x on the left and tops.y on the right, its lower edge at bottoms.
vec2 cover(float right, float lower, vec2 xs, vec2 tops, vec2 bottoms) {
    float top = min(tops.x, tops.y);
    float bottom = max(bottoms.x, bottoms.y);
    vec2 end = u_plot.xy + u_plot.zw;
    if (xs.x >= u_plot.x && xs.y <= end.x && top >= u_plot.y && bottom <= end.y) {
        // The two triangles share the quad's shorter diagonal: fewer pixels are looked at twice.
        lower = tops.y < tops.x ? 1.0 - lower : lower;
        return vec2(mix(xs.x, xs.y, right), lower > 0.5 ? mix(bottoms.x, bottoms.y, right) : mix(tops.x, tops.y, right));
    }
    return clamp(vec2(mix(xs.x, xs.y, right), mix(top, bottom, lower)), u_plot.xy, end);
}

vec2 line_corner(float column, float k, float right, float lower, out bool visible) {
    float t = u_first + column;
    float before = score_at(t - 1.0, k);
    float from = score_at(t, k);
    float to = score_at(t + 1.0, k);
    float after = score_at(t + 2.0, k);
    visible = is_score(from) || is_score(to);

    vec2 xs = vec2(x_of(column), x_of(column + 1.0));
    vec2 a = vec2(xs.x, y_of(from));
    vec2 d = vec2(xs.y, y_of(to));
    a = is_score(from) ? a : d;
    d = is_score(to) ? d : a;
    bool has_p = is_score(from) && is_score(before);
    bool has_n = is_score(to) && is_score(after);
    vec2 p = has_p ? vec2(x_of(column - 1.0), y_of(before)) : a;
    vec2 n = has_n ? vec2(x_of(column + 2.0), y_of(after)) : d;

    vec2 slopes = max(vec2(abs(d.y - a.y)), abs(vec2(a.y - p.y, n.y - d.y))) / (xs.y - xs.x);
    vec2 heights = (u_half_width + 0.5) * sqrt(1.0 + slopes * slopes);
    vec2 ys = vec2(a.y, d.y);
    vec2 corner = cover(right, lower, xs, ys - heights, ys + heights);

    vec2 own = direction(a, d);
    float side = across(corner, a, own);
    v_own = vec4(side, -side, dot(a - corner, own), dot(corner - d, own));
    vec2 to_a = direction(p, a);
    vec2 to_n = direction(d, n);
    v_beside.xy = has_p ? vec2(across(corner, a, to_a), dot(corner - a, to_a)) : vec2(FAR);
    v_beside.zw = has_n ? vec2(across(corner, d, to_n), dot(d - corner, to_n)) : vec2(FAR);
    return corner;
}

vec2 band_corner(float column, float k, float right, float lower, out bool visible) {
    // A column that is still being filled must not reach into the future.
    float newest = max(u_end - 1.0 - u_first, 0.0);
    vec2 here = extent_of_column(column, k);
    vec2 there = extent_of_column(column + 1.0, k);
    bool has_here = has_scores(here);
    bool has_there = has_scores(there);
    float border = (column + 1.0) * u_bin - 0.5;
    vec2 rels = min(border + vec2(has_here ? -0.5 * u_bin : 0.0, has_there ? 0.5 * u_bin : 0.0), newest);
    here = has_here ? here : there;
    there = has_there ? there : here;

    vec2 xs = vec2(x_of(rels.x), x_of(rels.y));
    vec2 tops = vec2(y_of(here.y), y_of(there.y));
    vec2 bottoms = vec2(y_of(here.x), y_of(there.x));
    float width = max(xs.y - xs.x, 1.0e-3);
    visible = has_scores(here) && xs.y > xs.x;

    vec2 slopes = vec2(tops.y - tops.x, bottoms.y - bottoms.x) / width;
    vec2 flatness = 1.0 / sqrt(1.0 + slopes * slopes);
    vec2 heights = (u_half_width + 0.5) / flatness;
    vec2 corner = cover(right, lower, xs, tops - heights.x, bottoms + heights.y);

    float share = (corner.x - xs.x) / width;
    v_own.x = (mix(tops.x, tops.y, share) - corner.y) * flatness.x;
    v_own.y = (corner.y - mix(bottoms.x, bottoms.y, share)) * flatness.y;
    // As ends: beyond the strip's extremes, so that the stroke of a steep peak does not reach higher than the peak's.
    v_own.z = min(tops.x, tops.y) - corner.y;
    v_own.w = corner.y - max(bottoms.x, bottoms.y);
    v_beside = vec4(FAR);
    return corner;
}

void main() {
    float k = a_quad.y;
    float right = mod(a_quad.z, 2.0);
    float lower = floor(a_quad.z * 0.5);
    float style_x = (k + 0.5) / u_templates;
    vec4 colour = texture2DLod(u_styles, vec2(style_x, 0.25), 0.0);
    vec2 dash = texture2DLod(u_styles, vec2(style_x, 0.75), 0.0).xy;
    bool visible = false;
    vec2 corner = vec2(0.0);

    v_own = vec4(0.0);
    v_beside = vec4(0.0);
    if (colour.a > 0.0) {
        if (u_bin < 1.5) {
            corner = line_corner(a_quad.x, k, right, lower, visible);
        } else {
            corner = band_corner(a_quad.x, k, right, lower, visible);
        }
    }
    v_colour = colour;
    if (dash.x > 0.0 && dash.y > 0.0) {
        float period = dash.x + dash.y;
        v_dash = vec3((corner.x - u_dash_x - 0.5 * dash.x) / period + 0.5, period, 0.5 * dash.x / period);
    } else {
        v_dash = vec3(0.0, 1.0, 2.0);
    }
    // A quad of one point outside of the picture covers no pixel.
    gl_Position = visible ? pixel_to_clip(corner, u_framebuffer) : vec4(2.0, 2.0, 0.0, 1.0);
}
