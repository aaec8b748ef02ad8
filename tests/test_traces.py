"""The traces on the GPU against the traces in numpy, and what they upload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pixels import Draw, Picture, assert_close
from reference import traces as reference

from rtcog_gl.model.draw import Axes, Rect, TraceStyle, TraceView
from rtcog_gl.model.fold import choose_columns

SIZE = (600, 240)
PLOT = Rect(20, 10, 560, 220)
RED, GREEN, BLUE = (1.0, 0.2, 0.1, 1.0), (0.1, 1.0, 0.3, 1.0), (0.2, 0.4, 1.0, 1.0)
BLACK = (0.0, 0.0, 0.0, 1.0)
Scores = npt.NDArray[np.float32]


def walk(n: int, nt: int, seed: int = 1) -> Scores:
    """Return autocorrelated noise, about -2 to 2."""
    steps = np.random.default_rng(seed).normal(scale=0.35, size=(n, nt))
    scores = np.zeros((n, nt))
    for t in range(1, nt):
        scores[:, t] = 0.8 * scores[:, t - 1] + steps[:, t]
    return scores.astype(np.float32)


def look(
    t0: float, t1: float, colours: Sequence[Any] = (RED,), width: float = 2.0, lo: float = -3.0, hi: float = 3.0
) -> TraceView:
    styles = tuple(c if isinstance(c, TraceStyle) else TraceStyle(c) for c in colours)
    return TraceView(Axes(PLOT, t0, t1, lo, hi), styles, width)


def layer_of(scores: Scores, upto: int | None = None) -> Any:
    from rtcog_gl.gpu.score_texture import ScoreTexture
    from rtcog_gl.gpu.traces import TracesLayer

    texture = ScoreTexture(*scores.shape)
    texture.write(0, scores[:, :upto])
    return TracesLayer(texture, len(scores))


def show(draw: Draw, scores: Scores, view: TraceView) -> Picture:
    layer = layer_of(scores)
    return draw(SIZE, lambda: layer.draw(view, SIZE))


def check_bands(got: Picture, scores: Scores, view: TraceView, has_blocks: bool, name: str) -> None:
    """Like `check`; a pixel whose centre lies on the border between two strips may belong to either."""
    here, left, right = (
        [reference.band_coverage(s, view, SIZE, has_blocks, x) for s in scores] for x in (0, -0.02, 0.02)
    )
    either = np.any(np.abs(np.array(left) - np.array(right)) > 0.1, axis=0)
    assert either.mean() < 0.02
    check(got, here, view, name, either)


def check(
    got: Picture,
    coverages: list[npt.NDArray[np.float64]],
    view: TraceView,
    name: str,
    unsure: npt.NDArray[np.bool_] | bool = False,
) -> None:
    """Assert: exact inside and outside, a pixel at the edges and `unsure` left out; the lit area within 1 %."""
    expected = reference.painted(coverages, view, BLACK)
    edge = np.zeros(expected.shape[:2], bool) | unsure
    for coverage in coverages:
        soft = (coverage > 0) & (coverage < 1)
        edge |= soft
        edge[1:] |= soft[:-1]
        edge[:-1] |= soft[1:]
        edge[:, 1:] |= soft[:, :-1]
        edge[:, :-1] |= soft[:, 1:]
    assert expected[..., :3].any()
    assert_close(got, expected[..., :3], tol=1, name=name, mask=~edge)
    lit, wanted = got[..., :3].astype(float).sum() / 255.0, expected[..., :3].sum()
    assert abs(lit - wanted) <= 0.01 * wanted, f"{name}: lit area {lit:.1f}, expected {wanted:.1f}"


@pytest.mark.gl
@pytest.mark.parametrize("width", [1.5, 2.0, 3.5, 6.0])
@pytest.mark.parametrize(("t0", "t1"), [(0, 60), (33.4, 60.9), (-20, 100)])
def test_lines_are_those_of_numpy(draw: Draw, width: float, t0: float, t1: float) -> None:
    scores, view = walk(1, 80), look(t0, t1, width=width)
    check(show(draw, scores, view), [reference.line_coverage(scores[0], view, SIZE)], view, f"lines-{width}-{t0}")


@pytest.mark.gl
def test_edges_are_antialiased_as_numpy_says(draw: Draw) -> None:
    scores, view = walk(1, 80), look(0, 60)
    expected = reference.painted([reference.line_coverage(scores[0], view, SIZE)], view, BLACK)
    assert_close(show(draw, scores, view), expected[..., :3], tol=4, name="antialiasing")


@pytest.mark.gl
def test_later_templates_are_painted_over_earlier_ones(draw: Draw) -> None:
    scores, view = walk(3, 80), look(0, 70, [RED, GREEN, (*BLUE[:3], 0.5)])
    check(show(draw, scores, view), [reference.line_coverage(s, view, SIZE) for s in scores], view, "order")


@pytest.mark.gl
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_a_gap(draw: Draw, bad: float) -> None:
    scores, view = walk(1, 60), look(0, 59)
    whole = show(draw, scores, view)
    scores[0, 20:24] = bad
    scores[0, 40] = bad
    got = show(draw, scores, view)
    check(got, [reference.line_coverage(scores[0], view, SIZE)], view, f"gap-{bad}")
    left, right = (round(float(view.axes.x(t))) for t in (19, 24))
    assert whole[:, left + 3 : right - 3, :3].any()
    assert not got[:, left + 3 : right - 3, :3].any()


@pytest.mark.gl
@pytest.mark.parametrize("t", [0, 7, 29])
def test_a_lone_score_is_a_dot(draw: Draw, t: int) -> None:
    scores = np.full((1, 30), np.nan, np.float32)
    scores[0, t] = 0.5
    view = look(-1, 30, width=8.0)
    got = show(draw, scores, view)
    check(got, [reference.line_coverage(scores[0], view, SIZE)], view, f"dot-{t}")
    assert abs(got[..., 0].astype(float).sum() / 255 - np.pi * 16) < 1.5


@pytest.mark.gl
def test_not_measured_and_not_yet_written_are_nothing(draw: Draw) -> None:
    from rtcog_gl.gpu.score_texture import ScoreTexture
    from rtcog_gl.gpu.traces import TracesLayer

    view = look(0, 49)
    layer = TracesLayer(ScoreTexture(1, 50), 1)
    assert not draw(SIZE, lambda: layer.draw(view, SIZE))[..., :3].any()
    scores = walk(1, 50)
    scores[0, :10] = np.nan
    part = scores.copy()
    part[0, 30:] = np.nan
    layer = layer_of(scores, upto=30)
    got = draw(SIZE, lambda: layer.draw(view, SIZE))
    check(got, [reference.line_coverage(part[0], view, SIZE)], view, "not-measured")


@pytest.mark.gl
def test_dashes(draw: Draw) -> None:
    scores = np.zeros((1, 50), np.float32)
    view = look(3.3, 45, [TraceStyle(RED, 9.0, 6.0)], width=4.0)
    coverage = reference.dashed(reference.line_coverage(scores[0], view, SIZE), view.axes, 9.0, 6.0)
    got = show(draw, scores, view)
    expected = reference.painted([coverage], view, BLACK)
    assert_close(got, expected[..., :3], tol=3, name="dashes")
    assert 0.55 < expected[..., 0].sum() / (560 * 4) < 0.65


@pytest.mark.gl
def test_dashes_move_with_the_data_far_along_a_run(draw: Draw) -> None:
    scores = np.zeros((1, 100_000), np.float32)
    style = TraceStyle(RED, 9.0, 6.0)
    a, b = (show(draw, scores, look(t0, t0 + 50, [style], width=4.0)) for t0 in (99_900.0, 99_925.0))
    assert_close(a[:, 320:560], b[:, 40:280], tol=6, name="dashes-scrolled")


@pytest.mark.gl
def test_a_hidden_template_leaves_no_pixel(draw: Draw) -> None:
    scores = walk(2, 60)
    view, only = look(0, 59, [RED, (*GREEN[:3], 0.0)]), look(0, 59, [RED])
    assert_close(show(draw, scores, view), show(draw, scores[:1], only), tol=0, name="hidden")


@pytest.mark.gl
@pytest.mark.parametrize("t1", [40, 2000])
def test_nothing_leaves_the_plot(draw: Draw, t1: int) -> None:
    scores = walk(1, t1) * np.float32(40)
    scores[0, 17] = 1e30
    got = show(draw, scores, look(5, t1 - 5))
    outside = np.ones(SIZE[::-1], bool)
    outside[10:230, 20:580] = False
    assert not got[outside][:, :3].any()
    assert got[10:230, 20:580, :3].any()


@pytest.mark.gl
@pytest.mark.parametrize("nt", [3000, 20_000, 100_000])
def test_a_whole_run_shows_its_extremes(draw: Draw, nt: int) -> None:
    scores = walk(2, nt) * np.float32(0.5)
    scores[0, nt // 3] = 2.5
    scores[1, nt // 2 : nt // 2 + nt // 20] = np.nan
    view = look(0, nt, [RED, GREEN])
    has_blocks = nt > 16_384
    assert choose_columns(view.axes, has_blocks).bin > 1
    got = show(draw, scores, view)
    check_bands(got, scores, view, has_blocks, f"run-{nt}")
    peak = round(float(view.axes.y(2.5)))
    assert got[peak : peak + 9, :, 0].max() > 128
    assert not got[: peak - 2, :, 0].any()


@pytest.mark.gl
@pytest.mark.parametrize("upto", [39_999, 40_000, 40_001, 40_015])
def test_an_open_block_is_looked_at_score_by_score(draw: Draw, upto: int) -> None:
    scores = walk(1, 50_000)
    part = scores.copy()
    part[:, upto:] = np.nan
    layer = layer_of(scores, upto)
    scores[0, upto - 1] = part[0, upto - 1] = 2.5
    layer._texture.write(upto - 1, scores[:, upto - 1 : upto])
    view = look(30_000, 50_000)
    assert choose_columns(view.axes, True).bin > 16
    got = draw(SIZE, lambda: layer.draw(view, SIZE))
    check_bands(got, part, view, True, f"open-{upto}")
    newest = int(view.axes.x(upto))
    assert not got[:, newest + 2 :, :3].any()
    assert got[: int(view.axes.y(2.3)), newest - 3 :, :3].any()


@pytest.mark.gl
@pytest.mark.parametrize("t0", [4070.0, 8165.5])
def test_a_trace_crosses_the_fold(draw: Draw, t0: float) -> None:
    scores, view = walk(2, 9000), look(t0, t0 + 50, [RED, GREEN])
    check(show(draw, scores, view), [reference.line_coverage(s, view, SIZE) for s in scores], view, f"fold-{t0}")


@pytest.mark.gl
def test_a_session_of_one_tr_and_two_hundred_templates(draw: Draw) -> None:
    scores = np.linspace(-2, 2, 200, dtype=np.float32)[:, None]
    view = look(-1, 1, [RED] * 199 + [GREEN], width=3.0)
    check(show(draw, scores, view), [reference.line_coverage(s, view, SIZE) for s in scores], view, "one-tr")


@pytest.mark.gl
@pytest.mark.parametrize("t1", [59, 5000])
def test_another_score_is_another_picture(draw: Draw, t1: int) -> None:
    scores, view = walk(1, t1 + 1), look(0, t1)
    before = show(draw, scores, view)
    scores[0, t1 // 2] = 2.9
    assert (show(draw, scores, view) != before).any()


@pytest.mark.gl
@pytest.mark.parametrize("t1", [200, 9000])
def test_written_one_by_one_or_at_once_is_the_same(draw: Draw, t1: int) -> None:
    scores, view = walk(3, 9000), look(0, t1, [RED, GREEN, BLUE])
    layer = layer_of(scores, 0)
    for first in (*range(0, 100), 100):
        layer._texture.write(first, scores[:, first : first + 1] if first < 100 else scores[:, 100:])
        layer.draw(view, SIZE) if first == 50 else None
    assert_close(draw(SIZE, lambda: layer.draw(view, SIZE)), show(draw, scores, view), tol=0, name="one-by-one")


@pytest.mark.gl
def test_bytes_of_a_tr(canvas: Any) -> None:
    from rtcog_gl.gpu.score_texture import ScoreTexture

    texture = ScoreTexture(7, 10_000)
    scores = walk(7, 10_000)
    assert [texture.write(t, scores[:, t : t + 1]) for t in (0, 1, 4095, 4096, 9999)] == [28] * 5
    assert texture.write(4000, scores[:, 4000:4200]) == 28 * 200
    assert texture.bytes_uploaded == 28 * 205
    long = ScoreTexture(7, 100_000)
    sent = [long.write(t, scores[:, t : t + 1]) for t in range(33)]
    assert sent == [28 if (t + 1) % 16 else 28 + 56 for t in range(33)]
    assert long.write(33, scores[:, 33:100]) == 67 * 28 + 4 * 56


@pytest.mark.gl
def test_memory_of_the_caller_is_not_kept(draw: Draw) -> None:
    scores, view = walk(1, 60), look(0, 59)
    expected = show(draw, scores, view)
    layer = layer_of(scores, 0)
    source = scores.copy()
    layer._texture.write(0, source)
    source[:] = 2.0
    assert_close(draw(SIZE, lambda: layer.draw(view, SIZE)), expected, tol=0, name="owned")


@pytest.mark.gl
def test_one_draw_call_and_no_upload_while_scrolling(draw: Draw, canvas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vispy.gloo.glir import GlirParser

    scores = walk(5, 2000)
    layer = layer_of(scores)
    draw(SIZE, lambda: layer.draw(look(0, 300, [RED] * 5), SIZE))
    uploaded = layer.bytes_uploaded
    seen: list[str] = []
    parse = GlirParser._parse

    def spy(self: Any, command: tuple[Any, ...]) -> None:
        seen.append(command[0])
        parse(self, command)

    monkeypatch.setattr(GlirParser, "_parse", spy)
    canvas.context.flush_commands()
    seen.clear()
    for t0 in (0.0, 0.25, 17.6, 1800.0):
        layer.draw(look(t0, t0 + 300, [RED] * 5), SIZE)
    assert seen.count("DRAW") == 4
    assert not {"DATA", "SIZE", "CREATE"} & set(seen)
    assert layer.bytes_uploaded == uploaded
    layer.draw(look(0, 300, [GREEN] * 5), SIZE)
    assert layer.bytes_uploaded == uploaded + 2 * 5 * 16


@pytest.mark.gl
def test_bad_input_is_refused_in_words(canvas: Any) -> None:
    from rtcog_gl.gpu.score_texture import ScoreTexture
    from rtcog_gl.gpu.traces import TracesLayer

    texture = ScoreTexture(2, 50)
    with pytest.raises(ValueError, match=r"got an array of shape \(3, 1\), expected \(2, k\)"):
        texture.write(0, np.zeros((3, 1), np.float32))
    with pytest.raises(ValueError, match="got TRs 49 to 50, expected them within 0 to 49"):
        texture.write(49, np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="got 0 templates"):
        ScoreTexture(0, 50)
    with pytest.raises(ValueError, match="GL_MAX_TEXTURE_SIZE"):
        ScoreTexture(30, 100_000, max_size=512)
    with pytest.raises(ValueError, match="got 3 templates, expected 2"):
        TracesLayer(texture, 3)
    with pytest.raises(ValueError, match="got 1 styles, expected 2"):
        TracesLayer(texture, 2).draw(look(0, 10), SIZE)
    with pytest.raises(ValueError, match="line width of 0"):
        TracesLayer(texture, 2).draw(look(0, 10, [RED, RED], width=0.0), SIZE)
