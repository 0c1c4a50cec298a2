"""Attacks: a tenant takes all that it can get, and a quiet tenant of the same stack is measured meanwhile.

`python -m tests.attacks [NAME ...]` prints the delays of the quiet tenant and the memory of the processes.

attack -> the generator, in its own process: prepares its data, then attacks until it is stopped
probe  -> the quiet tenant: requests and purchases at a steady rate, each with its delay
growth -> the memory of every process of the stack
trial  -> one attack: a quiet reading, a reading during the attack, and a quiet reading after it
"""
