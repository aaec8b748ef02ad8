"""With rtcog itself, where RTCOG_PATH names a checkout and its imports are there: the same numbers, the same files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_driver import COOLDOWN, DISCARD, MATCH_START, NT
from standin_rig import METHODS, MODULE, Rig, volumes_of, wait_for

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.session.segments import is_removed

TESTS = Path(__file__).resolve().parent
RTCOG = os.environ.get("RTCOG_PATH")
NEEDED = "nibabel, nilearn, pandas, sklearn, yaml, panel, hvplot, holoviews, matplotlib"


@contextmanager
def alone() -> Iterator[None]:
    """Have no other test run rtcog meanwhile: its segments' names are fixed."""
    import fcntl

    with (Path(tempfile.gettempdir()) / "rtcog-gl-real-rtcog.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module", autouse=True)
def rtcog(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder to put on the path; skip where rtcog cannot be had."""
    if not RTCOG:
        pytest.skip("RTCOG_PATH does not name a checkout of https://github.com/nimh-sfim/rtcog")
    if not METHODS[1:]:
        pytest.skip("this system cannot fork, so that rtcog's segments cannot be guarded by a lock here")
    found = subprocess.run(
        [sys.executable, "-c", f"import {NEEDED}, rtcog.utils.options"],
        env={**os.environ, "PYTHONPATH": RTCOG},
        # rtcog writes its log into the folder that it is imported in.
        cwd=tmp_path_factory.mktemp("import"),
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        pytest.skip(f"rtcog in {RTCOG} cannot be imported: {found.stderr.splitlines()[-1]}")
    return RTCOG


@pytest.fixture(scope="module")
def real_input(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the middle of the real run's brain, as rtcog takes it."""
    return write_input(tmp_path_factory.mktemp("input"), slice(15, 19), shared_data)


@pytest.fixture(scope="module")
def small_input(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same for one slice of it, which is quick."""
    return write_input(tmp_path_factory.mktemp("small"), slice(18, 19), shared_data)


def write_input(folder: Path, slices: slice, shared_data: Path) -> Path:
    import nibabel as nib

    image = nib.load(shared_data / "bold155_mask.nii.gz")
    mask = np.zeros(image.shape, bool)
    mask[:, :, slices] = np.asarray(image.dataobj)[:, :, slices] > 0

    def columns(name: str) -> Any:
        values = np.asarray(nib.load(shared_data / name).dataobj[..., :NT], np.float64)
        return values.reshape((-1, values.shape[3]), order="F")[mask.ravel(order="F")]

    nib.save(nib.Nifti1Image(mask.astype(np.uint8), image.affine), folder / "mask.nii")
    maps, rng = columns("bold155_templates.nii.gz"), np.random.default_rng(5)
    labels = [f"net{k}" for k in range(maps.shape[1])]
    masks = {label: maps[:, k] > 1 for k, label in enumerate(labels)}
    np.savez(
        folder / "match.npz",
        labels=np.array(labels),
        masks=np.array(masks, object),
        masked_templates=np.array({label: maps[masks[label], k] for k, label in enumerate(labels)}, object),
        voxel_counts=np.array({label: int(masks[label].sum()) for label in labels}, object),
    )
    motion = np.cumsum(rng.normal(0, 0.05, (6, NT)), axis=1)
    np.savez(folder / "input.npz", extra=columns("bold155.nii.gz"), motion=motion)
    return folder


def environment(rtcog: str, folder: Path) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("RTCOG_GL")}
    paths = [rtcog, str(TESTS.parent), str(TESTS / "fake_psychopy")]
    return {
        **known,
        "PYTHONPATH": os.pathsep.join(paths),
        "RTCOG_GL_WINDOW": "",
        "RTCOG_GL_RUNTIME_DIR": str(folder / "runtime"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def driven(mode: str, source: Path, folder: Path, rtcog: str) -> dict[str, Any]:
    """Drive rtcog's processor; return what was seen."""
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)
    with alone():
        done = subprocess.run(
            [sys.executable, str(TESTS / "real_driver.py"), mode, str(folder)],
            cwd=folder,
            env=environment(rtcog, folder),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    with np.load(folder / "seen.npz", allow_pickle=False) as seen:
        return {"printed": done.stdout + done.stderr, **seen}


def produced(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("run.*") if ".viewer_" not in path.name}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def theirs(real_input: Path, work: Path, rtcog: str) -> dict[str, Any]:
    return driven("rtcog", real_input, work / "theirs", rtcog)


@pytest.fixture(scope="module")
def ours(real_input: Path, work: Path, rtcog: str) -> dict[str, Any]:
    return driven("viewer", real_input, work / "ours", rtcog)


def test_columns_are_the_processors_data(ours: dict[str, Any]) -> None:
    assert ours["count"] == NT
    assert ours["had"].tolist() == list(range(DISCARD, NT))
    np.testing.assert_array_equal(ours["columns"], ours["processed"][:, DISCARD:].T.astype(np.float32))


def test_scores_in_shared_memory_are_the_matchers(ours: dict[str, Any]) -> None:
    np.testing.assert_array_equal(ours["shared"], ours["scores"].astype(np.float32))
    assert (ours["scores"][:, MATCH_START:] != 0).any()


def test_records_are_the_processors_numbers(ours: dict[str, Any], work: Path) -> None:
    records = ours["records"]
    np.testing.assert_array_equal(records["motion"], np.load(work / "ours" / "input.npz")["motion"].T)
    np.testing.assert_array_equal(records["action"], ours["flags"])
    np.testing.assert_array_equal(records["has_map"], np.arange(NT) >= DISCARD)
    norms = np.linalg.norm(records["motion"], axis=1)
    np.testing.assert_allclose(records["norm_change"], norms - ours["norms"], atol=1e-12)
    assert np.isnan(records["norm_change"][:MATCH_START]).all()
    assert np.isfinite(records["norm_change"][MATCH_START:]).all()
    assert (records["received"] <= records["processed"]).all()
    assert (records["processed"] <= records["committed"]).all()


def test_cooldown_ends_where_rtcogs_does(ours: dict[str, Any], work: Path) -> None:
    offsets = [int(line) for line in (work / "ours" / "run.action_offsets.txt").read_text().split()]
    onsets = [int(line) for line in (work / "ours" / "run.action_onsets.txt").read_text().split()]
    assert len(onsets) >= 2
    expected = [max([o for o in offsets if o <= t], default=0) + COOLDOWN for t in range(NT)]
    assert ours["records"]["cooldown_end"].tolist() == expected
    assert all(t >= expected[t] for t in onsets)


def test_rule_is_the_configs(ours: dict[str, Any]) -> None:
    assert ours["rule"].tolist() == [1.0, 2, 1, 0.2]


def test_templates_are_the_match_files(ours: dict[str, Any], real_input: Path) -> None:
    with np.load(real_input / "match.npz", allow_pickle=True) as match:
        masks, values = match["masks"].item(), match["masked_templates"].item()
        labels = match["labels"].tolist()
    for shown, label in zip(ours["templates"], labels, strict=True):
        np.testing.assert_array_equal(np.isfinite(shown), masks[label])
        np.testing.assert_array_equal(shown[masks[label]], values[label].astype(np.float32))


def test_files_are_the_same_with_the_viewer(theirs: dict[str, Any], ours: dict[str, Any], work: Path) -> None:
    files = produced(work / "theirs")
    assert {"run.pp_Final.nii", "run.Motion.1D", "run.hits.npy", "run.mask_scores.npy"} <= set(files)
    assert [name for name in files if ".Hit_" in name]
    assert produced(work / "ours") == files
    assert is_removed(str(ours["name"]))
    assert "published" not in ours["printed"]


def test_files_are_the_same_with_the_viewer_killed(
    theirs: dict[str, Any], real_input: Path, work: Path, rtcog: str
) -> None:
    seen = driven("killed", real_input, work / "killed", rtcog)
    assert seen["count"] == NT
    assert produced(work / "killed") == produced(work / "theirs")


class RealRig(Rig):
    """The real rtcog in a process of its own, with AFNI and PsychoPy played."""

    def __init__(self, folder: Path, method: str, rtcog: str, source: Path) -> None:
        super().__init__(folder, method)
        self.prefix, self.source = "", source
        main = folder / "main.py"
        main.write_text(
            "import multiprocessing, sys\n"
            "from rtcog_gl.cli import main\n"
            "if __name__ == '__main__':\n"
            f"    multiprocessing.set_start_method({method!r})\n"
            "    sys.exit(main())\n"
        )
        afni = folder / "abin"
        shutil.copytree(TESTS / "fake_afni", afni)
        # A copy made from an archive may have lost the permission to run it.
        (afni / "afni").chmod(0o755)
        self.environment = environment(rtcog, folder) | {
            "PATH": os.pathsep.join([str(afni), os.environ["PATH"]]),
            "FAKE_AFNI_RUN": str(source / "input.npz"),
            "FAKE_AFNI_GO": str(self.out / "go"),
        }
        self.command = [sys.executable, str(main)]
        self.rtcog = rtcog

    @property
    def arguments(self) -> list[str]:
        import yaml

        default = Path(self.rtcog, "rtcog", "config", "default_config.yaml")
        config = yaml.safe_load(default.read_text())
        config["matching"].update(match_start=MATCH_START, vols_noaction=COOLDOWN)
        for step in config["steps"]:
            if step["name"] == "kalman":
                step["n_cores"] = 1
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        numbers = ["--nvols", str(NT), "--discard", str(DISCARD), "--hit_thr", "1.0"]
        files = ["--mask", str(self.source / "mask.nii"), "--match_path", str(self.source / "match.npz")]
        out = ["--out_dir", str(self.out), "--out_prefix", "run"]
        return ["-c", str(path), "--exp_type", "esam", "--no_action", *numbers, *files, *out]


@pytest.fixture(scope="module")
def rtcog_alone(small_input: Path, tmp_path_factory: pytest.TempPathFactory, rtcog: str) -> dict[str, bytes]:
    """Return the files of rtcog's own minimal program, whose processor shows nothing."""
    rig = RealRig(tmp_path_factory.mktemp("minimal"), METHODS[0], rtcog, small_input)
    rig.go("go")
    code = "import sys; from rtcog.run_minimal import main; sys.exit(main())"
    with alone(), rig.running([sys.executable, "-c", code, *rig.arguments]) as process:
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    files = rig.produced()
    assert len(files.pop("run.dyn_report.html")) > 0
    return files


@pytest.mark.parametrize("method", METHODS)
def test_rtcog_runs_from_end_to_end(
    small_input: Path, tmp_path: Path, method: str, rtcog: str, rtcog_alone: dict[str, bytes]
) -> None:
    rig = RealRig(tmp_path, method, rtcog, small_input)
    with alone(), rig.running([*rig.command, "run", "--live-maps", "9", *rig.arguments]) as process:
        board = rig.board()
        info = board.volumes
        assert isinstance(info, VolumesInfo)
        with volumes_of(info) as reader:
            rig.go("go")
            wait_for(lambda: reader.count == NT, 120)
            printed, _ = process.communicate(timeout=300)
            columns = {t: reader.column(t) for t in range(NT - info.slots, NT)}
            records = reader.records(0, NT)
    assert process.returncode == 0, printed
    assert info.slots == 9
    assert (records["committed"] > 0).all()
    final = pp_final(rig.out, small_input)
    for t, column in columns.items():
        np.testing.assert_array_equal(column, final[:, t])
    assert {n: d for n, d in rig.produced().items() if ".viewer_" not in n} == rtcog_alone
    assert is_removed(info.name)
    assert "rtcog_gl" not in printed


def pp_final(out: Path, source: Path) -> Any:
    import nibabel as nib

    mask = np.asarray(nib.load(source / "mask.nii").dataobj).ravel(order="F") > 0
    return np.asarray(nib.load(out / "run.pp_Final.nii").dataobj).reshape((-1, NT), order="F")[mask]


@pytest.mark.parametrize("method", METHODS)
def test_minimal_program_writes_our_report(
    small_input: Path, tmp_path: Path, method: str, rtcog: str, rtcog_alone: dict[str, bytes]
) -> None:
    rig = RealRig(tmp_path, method, rtcog, small_input)
    rig.go("go")
    with alone(), rig.running([*rig.command, "run-min", *rig.arguments]) as process:
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    files = rig.produced()
    report = files.pop("run.dyn_report.html").decode()
    assert "bokeh" not in report
    assert "net0" in report
    assert files == rtcog_alone


def test_options_help_is_rtcogs_after_its_first_argument(tmp_path: Path, rtcog: str, small_input: Path) -> None:
    rig = RealRig(tmp_path, METHODS[0], rtcog, small_input)
    with rig.running([*MODULE, "run", *rig.arguments, "--help"]) as process:
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "--tcp_port" in printed
    assert "--live-maps" not in printed
