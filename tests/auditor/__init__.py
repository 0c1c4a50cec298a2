"""An auditor: parallel clients of several tenants that write down what they were told, and what must hold at the end.

async with a_load(stack, seed) as load:
    await load.further(100)  # acknowledged writes
    stack.kill("loyalty")
    await load.further(100)
# here everything has arrived, and was compared
"""
