// From (TR, score) to framebuffer pixels, origin top left, y downwards; the twin of rtcog_gl.model.draw.Axes.
//   plot   x, y, width, height of the plot, pixels
//   times  TR at the left edge, TR at the right edge; both relative to the same TR as t, which keeps float32 exact
//   values score at the bottom, score at the top
// x = plot.x + (t - t0) / (t1 - t0) w
// y = plot.y + (hi - score) / (hi - lo) h

float axes_x(float t, vec4 plot, vec2 times) {
    return plot.x + (t - times.x) / (times.y - times.x) * plot.z;
}

float axes_y(float score, vec4 plot, vec2 values) {
    return plot.y + (values.y - score) / (values.y - values.x) * plot.w;
}
