"""The problems of assignments."""

from chassis import Problem


class CaseNotOpen(Problem, status=409):
    """The case is resolved or closed.

    `state` is its state. Reopen it first.
    """


class CaseAlreadyAssigned(Problem, status=409):
    """Another agent is in charge of the case.

    `agent_id` is that agent. Claim another case, or transfer this one.
    """


class AgentAtCapacity(Problem, status=409):
    """The agent has as many assignments in this channel as it may have.

    `channel` is the channel, `capacity` the limit, and `open_assignments` the present number. Resolve another case
    first, choose another agent, or send `force`, which needs the scope `interactions:configure`.
    """


class CaseInProgress(Problem, status=409):
    """The case of the assignment is not resolved, so there is no wrap-up to finish.

    Resolve the case, or transfer it to another agent.
    """
