"""`squall workflow run|inspect|graph`: documents without a server."""

import json
import subprocess
import xml.etree.ElementTree

import pytest

from squall_server import BINARY

GOOD = """\
version: 1.0
input: [who, {times: 2}]
tasks:
  greet:
    with: x in <% range(ctx(times)) %>
    action: core.echo
    input: {message: "hello <% ctx(who) %> <% item(x) %>"}
    next:
      - when: <% succeeded() %>
        publish: first=<% result()[0].stdout %>
        do: end
      - when: <% failed() %>
        do: fail
  end:
    action: core.echo message=<% ctx(first) %>
output:
  - said: <% ctx(first) %>
"""

BAD = """\
version: 1.0
tasks:
  a:
    action: core.echo message=<% ctx(ghost) %>
    next:
      - do: nowhere
"""


def workflow(*arguments, text=GOOD):
    return subprocess.run([BINARY, "workflow", *arguments], input=text, capture_output=True, text=True, timeout=60)


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.yaml"
    path.write_text("greet*: {status: succeeded, result: {stdout: hi}}\n", encoding="utf-8")
    return str(path)


def test_run_plays_a_workflow_with_scripted_results(results):
    done = workflow("run", "-", "-i", "who=you", "--results", results)
    assert done.returncode == 0, done.stderr
    assert "> greet [1]: core.echo" in done.stdout and "hello you 1" in done.stdout
    shown = workflow("run", "-", "-i", "who=you", "-i", "times=3", "--results", results, "-o", "json")
    document = json.loads(shown.stdout)
    assert document["status"] == "succeeded"
    assert document["output"] == {"said": "hi"}
    assert [task["task"] for task in document["tasks"]] == ["greet", "end"]
    assert len(document["tasks"][0]["items"]) == 3


def test_run_tells_how_a_workflow_fails(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"greet": [{"status": "failed", "result": {"stderr": "boom"}, "item_id": 1}]}), encoding="utf-8")
    done = workflow("run", "-", "-i", "who=you", "--results", str(path), "-o", "json", "--order", "lifo")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["status"] == "failed"
    assert document["errors"][0] == {"type": "error", "message": "Execution failed. See result for details.", "task_id": "greet",
                                     "result": {"stderr": "boom"}}


def test_inspect_names_the_line_and_column():
    assert workflow("inspect", "-").returncode == 0
    done = workflow("inspect", "-", text=BAD)
    assert done.returncode == 1
    assert 'standard input:3:3: context: Variable "ghost" is referenced before assignment. (at tasks.a.input)' in done.stdout
    assert 'standard input:6:9: semantic: The task "nowhere" is not defined. (at tasks.a.next[0].do)' in done.stdout
    kinds = [entry["type"] for entry in json.loads(workflow("inspect", "-", "-o", "json", text=BAD).stdout)]
    assert kinds == ["context", "semantic"]


def test_run_refuses_what_inspection_finds():
    done = workflow("run", "-", text=BAD)
    assert done.returncode == 1 and "nowhere" in done.stdout


def test_graph_draws_text_and_svg():
    text = workflow("graph", "-").stdout
    assert "when <% succeeded() %>  ->  end" in text and "[with items" in text
    picture = xml.etree.ElementTree.fromstring(workflow("graph", "-", "--format", "svg").stdout)
    titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert {"greet", "end", "fail"} <= set(titles)


@pytest.mark.parametrize("arguments, words", [
    (["run", "-", "--order", "best"], "--order is fifo, lifo or random"),
    (["run", "-", "-i", "novalue"], "--input is name=value"),
    (["graph", "-", "--format", "png"], "--format is text or svg"),
])
def test_wrong_arguments_say_what_is_right(arguments, words):
    done = workflow(*arguments)
    assert done.returncode == 2 and words in done.stderr


def test_files_that_are_no_workflow_are_refused_with_their_place():
    assert "version 2.0" in workflow("inspect", "-", text="version: '2.0'\nwf: {}\n").stderr
    twice = workflow("inspect", "-", text="version: 1.0\ntasks:\n  a: {action: x.y}\n  a: {action: x.y}\n")
    assert twice.returncode == 1 and ":4:" in twice.stderr
    assert workflow("inspect", "/nowhere.yaml").returncode == 1
