"""The glass brain's panel: what is drawn where, seen from where, and that left is left down to the pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pixels import Draw
from slices_rig import LUT, palette
from test_brain import HELD, head, hit, style

from rtcog_gl.model.draw import Drawing
from rtcog_gl.model.glass import Projector, glass_frame
from rtcog_gl.model.map_view import MapView
from rtcog_gl.model.panels import brain
from rtcog_gl.model.panels.glass_brain import NOTHING
from rtcog_gl.model.planes import edge_letters, pixel_of
from rtcog_gl.model.scene import Scene
from rtcog_gl.model.view import View

SIZES = ((640, 360), (1280, 720), (1920, 1080), (3840, 2160))


def glass_scene(radiological: bool = False, **changes: Any) -> Scene:
    how = MapView(mode="glass", radiological=radiological, **changes)
    return replace(HELD, map=replace(hit(), glass=True), view=View(map=how))


def drawn(scene: Scene, size: tuple[int, int] = (1920, 1080), theme: str = "dark") -> Drawing:
    return brain.draw(scene, style(size, theme=theme))


def words(drawing: Drawing) -> list[str]:
    return [text.string for text in drawing.texts]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("radiological", [False, True])
def test_each_projection_lies_where_its_lattice_does(size: tuple[int, int], radiological: bool) -> None:
    drawing, frame = drawn(glass_scene(radiological), size), glass_frame(head())
    targets = [target for target in drawing.targets if target.action == "crosshair"]
    assert [image.name for image in drawing.images] == [("glass", 0, n) for n in range(3)]
    assert [target.keep for target in targets] == [1, 0, 2]
    scales = set()
    for image, target, (across, up) in zip(drawing.images, targets, ((0, 2), (1, 2), (0, 1)), strict=True):
        plane = target.plane
        assert plane is not None and target.rect == plane.rect
        assert image.rect.w / frame.counts[across] == pytest.approx(image.rect.h / frame.counts[up])
        scales.add(round(image.rect.w / frame.counts[across], 6))
        left = frame.high[across] if plane.right[across] < 0 else frame.low[across]
        corner = [0.0, 0.0, 0.0]
        corner[across], corner[up] = left, frame.high[up]
        assert (image.rect.x, image.rect.y) == pytest.approx(pixel_of(plane, (corner[0], corner[1], corner[2])))
        assert image.mirrored == (radiological and across == 0)
        rect = drawing.rect
        assert rect.x <= image.rect.x and image.rect.right <= rect.right
        assert rect.y <= image.rect.y and image.rect.bottom <= rect.bottom
    assert len(scales) == 1


def test_it_says_from_where_one_looks() -> None:
    assert {"from behind", "from the right", "from above"} <= set(words(drawn(glass_scene())))
    assert {"from the front", "from the right", "from below"} <= set(words(drawn(glass_scene(True))))
    letters = [edge_letters(t.plane) for t in drawn(glass_scene(True)).targets if t.plane is not None]
    assert ["".join(each) for each in letters] == ["RLSI", "PASI", "RLAP"]
    assert set("LRAPSI") <= set(words(drawn(glass_scene())))


def test_range_threshold_and_opacity_are_the_operators() -> None:
    for image in drawn(glass_scene(range="fixed", fixed=6.0, threshold=2.5, opacity=0.5)).images:
        assert (image.vmax, image.threshold, image.opacity) == (6.0, 2.5, 0.5)


def test_projections_of_another_map_are_never_shown() -> None:
    """Until those of this map are there, the silhouette alone is."""
    there = glass_scene()
    coming = replace(there, map=hit())
    for scene, said in ((coming, True), (replace(there, map=None), False)):
        drawing = drawn(scene)
        assert all(image.threshold == NOTHING and image.missing[3] == 0 for image in drawing.images)
        assert words(drawing).count("projecting …") == said
    assert all(image.threshold < 4.21 for image in drawn(there).images)
    assert "projecting …" not in words(drawn(there))
    assert drawn(there).images != drawn(replace(there, map=replace(hit(1), vmax=4.21, glass=True))).images


@pytest.mark.gl
@pytest.mark.parametrize("radiological", [False, True])
def test_a_lone_voxel_is_where_the_crosshair_is(draw: Draw, canvas: Any, radiological: bool) -> None:
    from rtcog_gl.gpu.images import ImagesLayer

    layer, lut, grid, size = ImagesLayer(), palette(), head(), (1280, 720)
    projector = Projector(grid)
    drawing = drawn(glass_scene(radiological, range="fixed", fixed=1.0, threshold=0.5), size)
    planes = [target.plane for target in drawing.targets if target.plane is not None]
    for voxel in np.random.default_rng(3).integers(0, grid.n_voxels, 4).tolist():
        column = np.zeros(grid.n_voxels, np.float32)
        column[voxel] = 1.0
        for n, image in enumerate(projector.project(column).images):
            layer.write(("glass", 0, n), image)
        got = draw(size, lambda: layer.draw(drawing.images, size, lut))
        lit = (got[..., :3] == LUT[255, :3]).all(axis=-1)
        for image, plane in zip(drawing.images, planes, strict=True):
            x, y = pixel_of(plane, grid.mm_of(voxel))
            rows, columns = np.nonzero(lit & _within(image.rect, size))
            assert len(rows) > 0
            assert abs(columns.mean() + 0.5 - x) < 1.5 and abs(rows.mean() + 0.5 - y) < 1.5


def _within(rect: Any, size: tuple[int, int]) -> np.ndarray:
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    return (x >= rect.x) & (x < rect.right) & (y >= rect.y) & (y < rect.bottom)
