// Scores in a folded texture; the twin of rtcog_gl.model.fold.
// Row i of c values lies in strip s = floor(i / h), at y = i - s h; its value k at x = s c + k.
//   fold   c (values a row), h (rows a strip), width and height of the texture in texels
// A score that is not there (not measured, NaN, infinite, not yet written) is stored as 3e38.

const float SCORE_LIMIT = 1.0e38;
const float SCORE_MISSING = 3.0e38;

bool is_score(float score) {
    return score < SCORE_LIMIT;
}

float folded(sampler2D texels, vec4 fold, float item, float channel) {
    float strip = floor((item + 0.5) / fold.y);
    vec2 texel = vec2(strip * fold.x + channel, item - strip * fold.y);
    return texture2DLod(texels, (texel + 0.5) / fold.zw, 0.0).r;
}
