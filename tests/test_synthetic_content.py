"""Brains, noise, episodes, the real run, and what is said about bad input."""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtcog_gl.model.motion import framewise_displacement
from rtcog_gl.model.records import VOLUME
from rtcog_gl.session.synthetic import DemoError, DemoOptions, HitRule, add_flags, from_args, mni_anatomy_path
from rtcog_gl.session.synthetic import content as content_module
from rtcog_gl.session.synthetic.bold import FWHM_MM, BoldContent, RunningZ
from rtcog_gl.session.synthetic.brains import head_phantom, load_brain, resolution_mm
from rtcog_gl.session.synthetic.content import SyntheticContent, load_content
from rtcog_gl.session.synthetic.motion import head_motion
from rtcog_gl.session.synthetic.networks import NETWORKS, patterns
from rtcog_gl.session.synthetic.noise import ar1, episodes, smooth_fields
from rtcog_gl.session.synthetic.segments import bytes_needed, live_bytes
from rtcog_gl.session.synthetic.smoothing import MaskedSmoother

PHANTOM = replace(DemoOptions(phantom=True, voxels=3000, nvols=120, seed=5), match_start=10).resolved()


def all_scores(content: Any, n: int) -> np.ndarray:
    return np.stack([content.scores(t, content.volume(t)) for t in range(n)], axis=1)


def test_the_same_seed_gives_the_same_volumes_and_scores() -> None:
    first, again, other = (load_content(replace(PHANTOM, seed=seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.volume(30), again.volume(30))
    assert np.array_equal(all_scores(first, 40), all_scores(again, 40))
    assert not np.allclose(all_scores(first, 40), all_scores(other, 40))


def test_scores_rest_near_zero_and_episodes_pass_the_threshold() -> None:
    scores = all_scores(load_content(PHANTOM), 120)
    assert np.abs(np.median(scores)) < 0.2
    quiet = scores[:, :10]
    assert np.abs(quiet).max() < 1.5
    assert scores.max() > 1.9
    rule = HitRule(1.5, 2, 1)
    winners = [rule.winner(scores, t) for t in range(10, 60)]
    assert sum(winner is not None for winner in winners) >= 4


def test_scores_are_those_of_a_plain_computation() -> None:
    brain = head_phantom(3000)
    content = SyntheticContent(brain, 20, 2, 1)
    volume = content.volume(7)
    shapes = patterns(NETWORKS, brain.mask, brain.affine)
    expected = []
    for shape in shapes:
        mask = shape > SyntheticContent.TEMPLATE_THR
        template = shape / np.mean(shape[mask] ** 2)
        expected.append(np.dot(template[mask].astype(float), volume[mask]) / mask.sum())
    np.testing.assert_allclose(content.scores(7, volume), expected, rtol=1e-4, atol=1e-5)


def test_templates_times_volume_average_to_the_scores() -> None:
    content = SyntheticContent(head_phantom(3000), 20, 2, 1)
    templates, volume = content.templates(), content.volume(7)
    assert templates.shape == (7, content.header.nv)
    assert templates.dtype == np.float32
    counts = (~np.isnan(templates)).sum(axis=1)
    assert counts.tolist() == list(content.scorer.voxel_counts)
    products = np.nanmean(templates.astype(float) * volume, axis=1)
    np.testing.assert_allclose(content.scores(7, volume), products, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_the_head_moves_like_a_head(seed: int) -> None:
    n, first = 400, 10
    motion = head_motion(np.random.default_rng(seed), n, first)
    assert np.array_equal(motion, head_motion(np.random.default_rng(seed), n, first))
    displacement = framewise_displacement(motion)[1:]
    assert np.median(displacement) == pytest.approx(0.09, abs=0.02)
    assert np.mean((displacement > 0.05) & (displacement < 0.2)) > 0.8
    spikes = np.flatnonzero(displacement > 0.5) + 1
    assert 4 <= len(spikes) <= 30
    assert first < spikes[0] < first + 60
    assert displacement.max() < 1.6
    assert np.abs(motion).max() < 2
    # Slow drift: the head ends elsewhere than it began, by more than its restlessness.
    assert np.abs(motion[-20:].mean(axis=0) - motion[:10].mean(axis=0)).max() > 0.1


def test_a_moving_head_changes_no_score() -> None:
    content = load_content(PHANTOM)
    assert len(content.motion(30) or ()) == 6
    assert content.motion(30) == load_content(PHANTOM).motion(30)
    assert content.motion(30) != load_content(replace(PHANTOM, seed=6)).motion(30)
    assert np.array_equal(all_scores(content, 20), all_scores(load_content(replace(PHANTOM, live_maps=0)), 20))


def test_noise_is_smooth_in_space_and_of_unit_variance() -> None:
    brain = head_phantom(20_000)
    fields = smooth_fields(np.random.default_rng(0), brain.mask, brain.voxel_mm, 12, fwhm_mm=12.0)
    assert fields.shape == (12, brain.nv)
    assert np.sqrt(np.mean(fields**2)) == pytest.approx(1.0, abs=0.03)
    grid = np.full(brain.mask.size, np.nan)
    grid[np.flatnonzero(brain.mask.ravel(order="F"))] = fields[0]
    grid = grid.reshape(brain.mask.shape, order="F")
    for axis in range(3):
        pairs = np.stack([np.take(grid, range(n, grid.shape[axis] - 1 + n), axis).ravel() for n in (0, 1)])
        r = np.corrcoef(pairs[:, ~np.isnan(pairs).any(axis=0)])[0, 1]
        # A kernel of this width makes neighbours at distance d correlate by exp(-2 ln 2 (d / fwhm)**2).
        assert r == pytest.approx(np.exp(-2 * np.log(2) * (brain.voxel_mm[axis] / 12.0) ** 2), abs=0.06)


def test_noise_is_autocorrelated_in_time() -> None:
    series = ar1(np.random.default_rng(0), 40, 2000, 0.6)
    assert series.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(series[:, 1:] * series[:, :-1]) == pytest.approx(0.6, abs=0.03)


def test_episodes_come_one_at_a_time() -> None:
    strength = episodes(np.random.default_rng(1), 5, 400, first=12)
    assert not strength[:, :12].any()
    assert (strength > 0).sum(axis=0).max() == 1
    runs = np.flatnonzero(np.diff(np.pad((strength.sum(axis=0) > 0).astype(int), 1)))
    lengths = (runs[1::2] - runs[::2])[:-1]
    assert lengths.min() >= 8
    assert lengths.max() <= 15
    assert len(lengths) >= 10


@pytest.mark.parametrize("voxels", [2000, 35_000, 235_375])
def test_the_phantom_has_about_the_voxels_asked_for(voxels: int) -> None:
    assert head_phantom(voxels).nv == pytest.approx(voxels, rel=0.1)


def test_without_nilearn_the_phantom_steps_in_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    brain = load_brain(5000)
    assert brain.name.startswith("head phantom")
    assert "nilearn is not installed" in brain.notes[0]
    assert mni_anatomy_path() is None


def test_the_mni_brain_and_its_templates_lie_where_they_should() -> None:
    pytest.importorskip("nilearn")
    brain = load_brain(235_375)
    assert (brain.nv, brain.voxel_mm) == (235_375, (2.0, 2.0, 2.0))
    inside = np.flatnonzero(brain.mask.ravel(order="F"))
    for network, shape in zip(NETWORKS, patterns(NETWORKS, brain.mask, brain.affine), strict=True):
        assert len(shape) == 235_375
        peak = np.array(np.unravel_index(inside[np.argmax(shape)], brain.mask.shape, order="F"))
        mm = brain.affine[:3, :3] @ peak + brain.affine[:3, 3]
        nearest = min(np.linalg.norm(mm - (b.x, b.y, b.z)) for b in network.blobs)
        assert nearest < 6, network.label
        assert (shape > 0.15).sum() > 2000
    assert {b.x > 0 for b in NETWORKS[5].blobs} == {True}
    assert {b.x < 0 for b in NETWORKS[6].blobs} == {True}


def test_the_mni_brain_comes_in_other_sizes() -> None:
    pytest.importorskip("nilearn")
    assert load_brain(35_000).nv == pytest.approx(35_000, rel=0.05)
    assert resolution_mm(1_882_989) == 1.0


def test_the_anatomy_is_written_once_and_fits_the_brain() -> None:
    pytest.importorskip("nilearn")
    path = mni_anatomy_path()
    assert path is not None
    before = path.stat().st_mtime_ns
    assert mni_anatomy_path() == path
    assert path.stat().st_mtime_ns == before
    image = nibabel.load(path)
    assert image.shape == (197, 233, 189)
    np.testing.assert_allclose(image.affine[:3, 3], load_brain(235_375).affine[:3, 3])


def test_short_shared_memory_takes_a_coarser_brain_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_module, "free_shared_memory", lambda: 64_000_000)
    content = load_content(DemoOptions(phantom=True).resolved())
    assert 4 * content.header.nv * 300 < 64_000_000
    assert "shared memory has 64 MB free" in content.header.notes[0]
    monkeypatch.setattr(content_module, "free_shared_memory", lambda: 1_000_000)
    with pytest.raises(DemoError, match="got 1 MB free, expected 11 MB"):
        load_content(DemoOptions(phantom=True).resolved())


def test_live_maps_count_where_the_session_chooses_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    session = bytes_needed(len(NETWORKS), 235_375, 300)
    live = live_bytes(len(NETWORKS), 235_375, 300, -1)
    assert live == VOLUME.itemsize * 300 + 4 * 235_375 * (len(NETWORKS) + 16)
    assert live_bytes(len(NETWORKS), 235_375, 300, 0) == 0
    assert live_bytes(1, 100, 10, 3) == VOLUME.itemsize * 10 + 4 * 100 * 4
    monkeypatch.setattr(content_module, "free_shared_memory", lambda: session + live - 1)
    monkeypatch.setattr(
        content_module, "load_brain", lambda voxels, phantom: head_phantom(min(voxels, 2000 + voxels // 100))
    )
    coarser = load_content(DemoOptions(phantom=True).resolved())
    assert "instead of 235,375" in coarser.header.notes[0]
    assert load_content(DemoOptions(phantom=True, live_maps=0).resolved()).header.notes == ()


def test_running_z_is_the_last_residual_of_a_line_through_all_volumes_so_far() -> None:
    rng = np.random.default_rng(2)
    series = 900 + rng.normal(size=(20, 6)) * 7 + np.arange(20)[:, None] * 0.8
    series[:, 5] = 4
    z = RunningZ()
    for t, volume in enumerate(series):
        got = z(volume)
        if t < 3:
            assert not got.any()
            continue
        x = np.arange(t + 1)
        for voxel in range(5):
            y = series[: t + 1, voxel]
            residual = y - np.polyval(np.polyfit(x, y, 1), x)
            assert got[voxel] == pytest.approx(residual[-1] / np.sqrt((residual**2).sum() / (t - 1)), rel=1e-4)
        assert got[5] == 0


@pytest.fixture
def small_run(tmp_path: Path) -> DemoOptions:
    rng = np.random.default_rng(0)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    mask = np.zeros((6, 5, 4), np.uint8)
    mask[1:5, 1:4, 1:3] = 1
    files = {
        "bold": rng.normal(1000, 10, (6, 5, 4, 12)).astype(np.int16),
        "mask": mask,
        "templates": rng.normal(size=(6, 5, 4, 2)).astype(np.float32),
    }
    for name, values in files.items():
        nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / f"{name}.nii.gz")
    paths = {name: tmp_path / f"{name}.nii.gz" for name in files}
    return DemoOptions(**paths)


def test_a_run_is_played_voxel_for_voxel_in_fortran_order(small_run: DemoOptions) -> None:
    content = BoldContent(small_run.resolved())
    assert (content.header.nv, content.header.nt, content.header.labels) == (24, 12, ("T1", "T2"))
    inside = np.asarray(nibabel.load(small_run.mask).dataobj).ravel(order="F") > 0
    data = np.asarray(nibabel.load(small_run.bold).dataobj)
    z, voxel_mm = RunningZ(), np.linalg.norm(nibabel.load(small_run.bold).affine[:3, :3], axis=0)
    smooth = MaskedSmoother(inside.reshape(data.shape[:3], order="F"), tuple(voxel_mm), FWHM_MM)
    for t in range(6):
        expected = z(smooth(data[..., t]).ravel(order="F")[inside])
        volume = content.volume(t)
        np.testing.assert_array_equal(volume, expected)
    template = np.asarray(nibabel.load(small_run.templates).dataobj)[..., 1].ravel(order="F")[inside]
    counts = template > template.mean() + min(2 * template.std(), (template.max() - template.mean()) / 2)
    expected_score = np.dot(template[counts], volume[counts]) / counts.sum()
    assert content.scores(5, volume)[1] == pytest.approx(expected_score, rel=1e-4)
    assert content.motion(5) is None
    shown = content.templates()[1]
    np.testing.assert_array_equal(np.isnan(shown), ~counts)
    np.testing.assert_array_equal(shown[counts], template[counts])
    assert np.nanmean(shown.astype(float) * volume) == pytest.approx(expected_score, rel=1e-4)


def test_smoothing_takes_nothing_from_outside_the_mask() -> None:
    rng = np.random.default_rng(3)
    inside = rng.random((7, 6, 5)) > 0.3
    volume = rng.normal(size=inside.shape).astype(np.float32)
    voxel_mm, fwhm = (3.0, 2.0, 4.0), 6.0
    places = np.argwhere(np.ones(inside.shape, bool)) * voxel_mm
    steps = np.abs(places[:, None] - places[None]) / voxel_mm
    sd = fwhm / 2.354820045 / np.array(voxel_mm)
    weights = np.prod(np.where(steps <= np.floor(3 * sd), np.exp(-0.5 * (steps / sd) ** 2), 0.0), axis=2)
    flat = inside.ravel()
    expected = (weights @ (volume.ravel() * flat)) / (weights @ flat.astype(float)) * flat
    got = MaskedSmoother(inside, voxel_mm, fwhm)(volume)
    np.testing.assert_allclose(got.ravel(), expected, atol=2e-6)


def test_a_run_shorter_than_asked_for_ends_and_says_so(small_run: DemoOptions) -> None:
    content = BoldContent(replace(small_run, nvols=50).resolved())
    assert (content.header.nt, content.n_volumes) == (50, 12)
    assert "12 volumes: the run ends before the 50 asked for" in content.header.notes[1]
    assert BoldContent(replace(small_run, nvols=7).resolved()).n_volumes == 7


def test_bad_files_get_a_sentence(small_run: DemoOptions, tmp_path: Path) -> None:
    def told(**changes: Any) -> str:
        with pytest.raises(DemoError) as caught:
            load_content(replace(small_run, **changes).resolved())
        return str(caught.value)

    def image(values: Any, shift: float = 0.0) -> Path:
        affine = np.diag([3.0, 3.0, 3.0, 1.0])
        affine[0, 3] = shift
        path = tmp_path / "other.nii"
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
        return path

    assert "missing.nii does not exist" in told(bold=tmp_path / "missing.nii")
    (tmp_path / "text.nii").write_text("no image")
    assert "text.nii cannot be read, expected an image file" in told(bold=tmp_path / "text.nii")
    assert "mask.nii.gz has shape (6, 5, 4), expected a 4-D run" in told(bold=small_run.mask)
    wrong = image(np.ones((6, 5, 3), np.uint8))
    assert "has a grid of 6 x 5 x 3 voxels, expected the 6 x 5 x 4 of" in told(mask=wrong)
    moved = image(np.ones((6, 5, 4), np.uint8), 9.0)
    assert "lies up to 9.0 mm away from" in told(mask=moved)
    coarse = image(np.ones((3, 3, 2, 2), np.float32))
    assert "other.nii has a grid of 3 x 3 x 2 voxels, expected the 6 x 5 x 4 of" in told(templates=coarse)
    shifted = image(np.ones((6, 5, 4, 2), np.float32), -4.0)
    assert "other.nii lies up to 4.0 mm away from" in told(templates=shifted)
    empty = image(np.zeros((6, 5, 4), np.uint8))
    assert "other.nii has no voxel above 0" in told(mask=empty)
    zeros = image(np.zeros((6, 5, 4, 2), np.float32))
    assert "template 1 of" in told(templates=zeros)
    assert "--labels a,b,c names 3 templates, expected 2" in told(labels=("a", "b", "c"))
    cut = tmp_path / "cut.nii.gz"
    assert small_run.bold is not None
    whole = small_run.bold.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    assert "cut.nii.gz is damaged, expected data of shape (6, 5, 4, 12)" in told(bold=cut)


def parse(*words: str) -> DemoOptions:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return from_args(parser.parse_args(list(words)))


def test_flags_become_options() -> None:
    assert parse() == DemoOptions()
    got = parse("--nvols", "50", "--tr", "0.5", "--hit-thr", "2", "--match-start", "3", "--vols-noaction", "4")
    assert (got.nvols, got.tr, got.hit_thr, got.match_start, got.vols_noaction) == (50, 0.5, 2.0, 3, 4)
    got = parse("--bold", "b", "--mask", "m", "--templates", "t", "--labels", "a, b", "--seed", "9")
    assert (got.bold, got.labels, got.seed) == (Path("b"), ("a", "b"), 9)


@pytest.mark.parametrize(
    ("words", "mm"), [("1mm", 1.0), ("2mm", 2.0), ("3.5mm", 3.5), ("1882989", 1.0), ("235375", 2.0)]
)
def test_voxels_can_be_asked_for_by_their_size(words: str, mm: float) -> None:
    assert resolution_mm(parse("--voxels", words).voxels or 0) == mm


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--nvols", "ten"], "--nvols is 'ten', expected a whole number"),
        (["--nvols", "0"], "nvols is 0, expected 1 or more"),
        (["--tr", "0"], "tr is 0.0, expected seconds above 0"),
        (["--tr", "nan"], "tr is nan, expected seconds above 0"),
        (["--hit-thr", "inf"], "hit_thr is inf, expected a finite number"),
        (["--voxels", "3"], "voxels is 3, expected 500 to 8,000,000"),
        (["--voxels", "0.1mm"], "voxels is 1,882,989,000, expected 500 to 8,000,000"),
        (["--voxels", "nanmm"], "--voxels is 'nanmm', expected a whole number, or a size such as 1mm"),
        (["--voxels", "0mm"], "--voxels is '0mm', expected a whole number, or a size such as 1mm"),
        (["--voxels", "fine mm"], "--voxels is 'fine mm', expected a whole number, or a size such as 1mm"),
        (["--bold", "x"], "got --bold only, expected --bold, --mask and --templates together"),
        (["--labels", "a,b"], "expected --templates beside it"),
        (["--match-start", "-1"], "match_start is -1, expected 0 or more"),
        (["--bold", "b", "--mask", "m", "--templates", "t", "--voxels", "900"], "--voxels 900 came with --bold"),
    ],
)
def test_bad_flags_get_a_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(DemoError) as caught:
        parse(*words)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_real_run_scores_and_hits(shared_data: Path) -> None:
    options = DemoOptions(
        bold=shared_data / "bold155.nii.gz",
        mask=shared_data / "bold155_mask.nii.gz",
        templates=shared_data / "bold155_templates.nii.gz",
    ).resolved()
    content = BoldContent(options)
    assert (content.header.nv, content.header.nt, len(content.header.labels)) == (35_127, 155, 5)
    scores = all_scores(content, 155)
    assert np.isfinite(scores).all()
    rule, hits, free_from = HitRule(float(options.hit_thr or 0), 2, 1), [], 20
    for t in range(20, 155):
        if t >= free_from and rule.winner(scores, t) is not None:
            hits.append(t)
            free_from = t + 7 + 8
    assert 3 <= len(hits) <= 6
