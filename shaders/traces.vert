// All score traces. One quad a column and template; its heights come from textures, so that a new TR uploads one score
// a template and scrolling uploads nothing.
//
// Lines (one TR a column): the quad is the strip from TR t (point a) to TR t + 1 (point d). The fragment measures its
// distance to the segments p-a, a-d, d-n, where p and n are the neighbours, so every pixel is painted once a template
// and joints neither thicken nor break. Reach r = half width + antialiasing. A stroke of slope m is r sqrt(1 + m^2)
// high at a given x, which gives the strip's height at both sides. Points that are not there fall onto their neighbour:
// a segment ends in a round cap, a lone score is a dot, and nothing is drawn across a gap.
//
// Bands (several TRs a column): the strip runs from the centre of one column to the centre of the next, its upper and
// lower edge from highest to highest and from lowest to lowest score. Where the next column has no score, the band goes
// on level to the border between the two.
//
// Terms: column and bin as in rtcog_gl.model.fold; rel is a TR relative to u_first.

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

varying vec2 v_pixel;   // pixels
varying vec4 v_pa;      // lines: points p and a, pixels; bands: top and bottom at this x, pixels
varying vec4 v_dn;      // lines: points d and n, pixels
varying vec4 v_colour;  // 0..1
varying vec2 v_dash;    // dash, gap, pixels

// include "common/pixels.glsl"
// include "common/axes.glsl"
// include "common/scores.glsl"

const float BLOCK = 16.0;
const float MAX_STEPS = 64.0;
const float FAR = 16384.0;  // pixels; heights are held within, so that their squares stay exact enough

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

bool has_scores(vec2 extent) {
    return extent.x <= extent.y;
}

// Returns the corner's place, pixels.
vec2 line_corner(float column, float k, float right, float lower, float reach, out bool visible) {
    float t = u_first + column;
    float before = score_at(t - 1.0, k);
    float from = score_at(t, k);
    float to = score_at(t + 1.0, k);
    float after = score_at(t + 2.0, k);
    visible = is_score(from) || is_score(to);

    float left_x = x_of(column);
    float right_x = x_of(column + 1.0);
    vec2 a = vec2(left_x, y_of(from));
    vec2 d = vec2(right_x, y_of(to));
    if (!is_score(from)) {
        a = d;
    }
    if (!is_score(to)) {
        d = a;
    }
    vec2 p = is_score(from) && is_score(before) ? vec2(x_of(column - 1.0), y_of(before)) : a;
    vec2 n = is_score(to) && is_score(after) ? vec2(x_of(column + 2.0), y_of(after)) : d;
    v_pa = vec4(p, a);
    v_dn = vec4(d, n);

    float own = d.y - a.y;
    float beside = right > 0.5 ? n.y - d.y : a.y - p.y;
    float slope = max(abs(own), abs(beside)) / (right_x - left_x);
    float height = reach * sqrt(1.0 + slope * slope);
    return vec2(mix(left_x, right_x, right), mix(a.y, d.y, right) + mix(-height, height, lower));
}

vec2 band_corner(float column, float k, float right, float lower, float reach, out bool visible) {
    float half_bin = 0.5 * (u_bin - 1.0);
    float rel = (column + right) * u_bin + half_bin;
    vec2 extent = extent_of_column(column + right, k);
    if (!has_scores(extent)) {
        extent = extent_of_column(column + 1.0 - right, k);
        rel = (column + 1.0) * u_bin - 0.5;
    }
    visible = has_scores(extent);
    // A column that is still being filled must not reach into the future.
    rel = min(rel, max(u_end - 1.0 - u_first, 0.0));
    float top = y_of(extent.y);
    float bottom = y_of(extent.x);
    v_pa = vec4(top, bottom, 0.0, 0.0);
    v_dn = vec4(0.0);
    return vec2(x_of(rel), lower > 0.5 ? bottom + reach : top - reach);
}

void main() {
    float k = a_quad.y;
    float right = mod(a_quad.z, 2.0);
    float lower = floor(a_quad.z * 0.5);
    float style_x = (k + 0.5) / u_templates;
    bool visible = false;
    vec2 corner = vec2(0.0);

    v_colour = texture2DLod(u_styles, vec2(style_x, 0.25), 0.0);
    v_dash = texture2DLod(u_styles, vec2(style_x, 0.75), 0.0).xy;
    v_pa = vec4(0.0);
    v_dn = vec4(0.0);
    if (v_colour.a > 0.0) {
        if (u_bin < 1.5) {
            corner = line_corner(a_quad.x, k, right, lower, u_half_width + 0.75, visible);
        } else {
            corner = band_corner(a_quad.x, k, right, lower, u_half_width + 2.0, visible);
        }
    }
    v_pixel = corner;
    // A quad of one point outside of the picture covers no pixel.
    gl_Position = visible ? pixel_to_clip(corner, u_framebuffer) : vec4(2.0, 2.0, 0.0, 1.0);
}
