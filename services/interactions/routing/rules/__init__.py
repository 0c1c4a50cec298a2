"""The rules of routing. Plain values in, plain values out.

languages.py    language tags, and which of them match
agents.py       the vocabularies of agents, and the skills that count at a time
queues.py       which queue a case enters, the levels that it requires after a while, and the queue that it overflows to
ranking.py      which agents are eligible for a case, and which of them is first
assignments.py  the vocabularies of assignments, and the explanation of a decision
"""
