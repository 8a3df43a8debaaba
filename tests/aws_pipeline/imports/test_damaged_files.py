"""Files with cut ends and flipped bytes are read or refused in one line; nothing else ever happens."""

import sys

import pytest
from damage import survives
from foreign_files import dlc_table

from aws_pipeline.imports.bout_formats import read_observations
from aws_pipeline.imports.pose_formats import read_poses
from behavior.contract import UsageError

POSES = ["deeplabcut_single.csv", "deeplabcut_two_mice.csv", "sleap_one_mouse.analysis.h5", "sleap_matlab_layout.analysis.h5", "jabs_v2.h5"]
BOUTS = ["boris_project.boris", "boris_events.tsv", "boris_events_real_mice.csv", "bento_excerpt.annot"]


def refuses_damage(read, path, content, seed, times=25):
    def read_file(data: bytes) -> None:
        path.write_bytes(data)
        read(path)

    survives(read_file, content, seed, times)


@pytest.mark.parametrize("name", POSES)
def test_damaged_poses(formats, tmp_path, name):
    refuses_damage(read_poses, tmp_path / name, (formats / name).read_bytes(), name)


@pytest.mark.parametrize("name", BOUTS)
def test_damaged_annotations(formats, tmp_path, name):
    refuses_damage(read_observations, tmp_path / name, (formats / name).read_bytes(), name)


def test_a_missing_library_is_named_with_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "h5py", None)
    for read in (read_poses, read_observations):
        with pytest.raises(
            UsageError, match=r"Expected the package h5py to read a.h5, but got none. Install it: pip install '.\[formats\]'"
        ):
            read(tmp_path / "a.h5")


def test_damaged_tables_that_need_no_real_files(tmp_path):
    dlc_table(animals=["a", "b"], frames=range(50)).to_csv(tmp_path / "a.csv")
    refuses_damage(read_poses, tmp_path / "b.csv", (tmp_path / "a.csv").read_bytes(), 1)
    table = "recording,agent,target,behavior,start_frame,stop_frame\n" + "cage,mouse1,self,rear,1,2\n" * 20
    refuses_damage(read_observations, tmp_path / "c.csv", table.encode(), 2)
    refuses_damage(read_observations, tmp_path / "d.csv", ("frame,attack\n" + "".join(f"{n},{n % 2}\n" for n in range(50))).encode(), 3)
