"""The report as a table that people read: Markdown, in columns of one width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MEASURES = (
    "P@1", "P@5", "P@10", "R@1", "R@5", "R@10", "share@10", "MRR", "AP", "nDCG@10", "Acc@0.5", "Acc@0.7",
    "1 km", "25 km", "200 km", "750 km", "2500 km", "median km",
)  # fmt: skip
WITH_INTERVAL = ("P@1", "AP")
GROUPS_SHOWN = 40
IN_GROUPS = ("P@1", "chance P@1", "AP", "chance AP")


def to_markdown(report: Mapping[str, Any]) -> str:
    """The whole report but the single answers, which only the JSON has."""
    encoder = report["encoder"]
    lines = [
        f"# RSMEB-style evaluation of {encoder['id']} {encoder['revision']}",
        "",
        report["about"],
        "",
        f"- encoder: {encoder['name']}, weights sha256 {encoder['sha256']}, on {encoder['device']}",
        f"- date: {report['date']}, {report['seconds']:g} s" + (", **stopped before the end**" if report["stopped"] else ""),
        f"- command: `{' '.join(report['command'])}`",
        f"- data: {report['format']}; " + ", ".join(f"{count:,} {name}" for name, count in report["records"].items() if count),
        f"- seed {report['seed']}, split {report['split']}, limit {report['limit'] or 'none'}, candidates"
        f" {report['candidates'] or 'all'}",
    ]
    lines += [f"- {note}" for note in report["notes"]]
    lines += [f"- left out: {count:,} {reason}" for reason, count in report["left_out"].items()]
    lines += [f"- {name}: {value:.3f}" for name, value in report["summary"].items()]
    kind = ""
    for task in report["tasks"]:
        if task["kind"] != kind:
            kind = task["kind"]
            lines += ["", f"## {kind.capitalize()}"]
        lines += ["", *of_task(task)]
    return "\n".join(lines) + "\n"


def of_task(task: Mapping[str, Any]) -> list[str]:
    """Heading, table, notes and groups of one task."""
    lines = [f"### {task['task'].capitalize()}", ""]
    if "not_answered" in task:
        lines += [f"Not answered: {task['not_answered']}"]
    else:
        sizes = task["candidates_per_query"]
        many = f"{sizes['median']:g}" if sizes["least"] == sizes["most"] else f"{sizes['least']} to {sizes['most']}"
        apart = f"{task['units']:,} drawn apart"
        right = f"{task['right_per_query']:.3g} right on average"
        lines += [f"n = {task['n']:,} ({apart}), candidates for each: {many}, {right}", ""]
        names = [name for name in MEASURES if any(name in way for way in task["ways"].values())]
        rows = [[name, *(value_of(way.get(measure), measure) for measure in names)] for name, way in task["ways"].items()]
        if "constant_answer" in task:
            best = [f"{task['constant_answer']:.3f}" if name in ("P@1", "R@1") else "" for name in names]
            rows.append(["best single answer", *best])
        rows.append(["chance", *(f"{task['chance'][name]:.3f}" if name in task["chance"] else "" for name in names)])
        lines += table(["", *names], rows)
        lines += [f"- {name} was not answered: {reason}" for name, reason in task["refused"].items()]
    lines += [f"- {note}" for note in task["notes"]]
    lines += [f"- left out: {count:,} {reason}" for reason, count in task["left_out"].items()]
    groups = task.get("groups") or {}
    if groups:
        shown = sorted(groups.items(), key=lambda item: (-item[1]["n"], item[0]))[:GROUPS_SHOWN]
        rows = [[name or "(none)", f"{one['n']:,}", *(f"{one[column]:.3f}" for column in IN_GROUPS)] for name, one in shown]
        means = [sum(one[column] for one in groups.values()) / len(groups) for column in IN_GROUPS]
        rows.append(["mean of the groups", "", *(f"{mean:.3f}" for mean in means)])
        more = [f"- and {len(groups) - GROUPS_SHOWN} more in the JSON"] if len(groups) > GROUPS_SHOWN else []
        lines += ["", *table(["group", "n", *IN_GROUPS], rows), *more]
    return lines


def value_of(found: Mapping[str, Any] | None, measure: str) -> str:
    """0.812, with its interval where there is one to show."""
    if found is None:
        return ""
    text = f"{found['value']:.1f}" if measure == "median km" else f"{found['value']:.3f}"
    if measure in WITH_INTERVAL and found.get("low") is not None:
        text += f" [{found['low']:.3f}, {found['high']:.3f}]"
    return text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown whose columns line up in plain text too."""
    safe = [[cell.replace("|", "/") for cell in row] for row in [head, *rows]]
    widths = [max(3, *(len(row[column]) for row in safe)) for column in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in safe]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
