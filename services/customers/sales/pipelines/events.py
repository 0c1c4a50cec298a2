"""The problems of pipelines. Their event is in the queries, because a first deal creates the default pipeline."""

from chassis import FieldCode, Problem

MISSING_STAGE = FieldCode(
    "missing_stage",
    "A pipeline has no open stage, no stage of won deals, or none of lost deals.",
    "Send at least one stage of each kind.",
)
REPEATED_STAGE = FieldCode(
    "repeated_stage", "Two stages of a pipeline have the same name or id.", "Give each stage a name of its own."
)


class PipelineNameTaken(Problem, status=409):
    """Another pipeline already has this name.

    `pipeline_id` is that pipeline. Choose another name.
    """


class StageInUse(Problem, status=409):
    """A stage with deals is neither removed nor changed to another kind.

    `stages` lists such stages with the number of their deals. Move the deals to another stage first.
    """
