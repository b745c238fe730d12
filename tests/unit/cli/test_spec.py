"""`streamgauge spec`: a wrong file is told in sentences, one problem a line."""

import pytest

GOOD = "monitor: m\nmodel: m\ntask: binary\nfeatures: {x: {type: number}}\n"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "spec.yaml"


def test_each_problem_of_a_spec_is_a_line_and_the_exit_code_is_2(run, file):
    file.write_text("monitor: m\ntask: tertiary\nfeaturs: {}\n")
    result = run("spec", "apply", str(file))
    assert result.exit_code == 2
    lines = result.output.strip().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["model", "task", "features", "featurs"]
    assert "did you mean features?" in lines[-1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; a spec is a mapping of keys"),
        (b"# nothing yet\n", "is empty; a spec is a mapping of keys"),
        (b"- a\n- b\n", "holds a list; a spec is a mapping of keys"),
        (b"just words", "holds a text; a spec is a mapping of keys"),
        (b"monitor: \xff\xfe", "not UTF-8 (byte 9)"),
        (b"monitor: [", "not YAML: line 1"),
    ],
)
def test_a_file_that_is_no_spec_is_a_sentence(run, file, content, sentence):
    file.write_bytes(content)
    result = run("spec", "apply", str(file))
    assert result.exit_code == 2
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1
