"""The auditor: parallel clients of several tenants record their acknowledged writes, and an audit checks the result.

async with a_load(stack, name) as load:
    await load.further(100)  # acknowledged writes
    stack.kill("loyalty")
    await load.further(100)
# all events have arrived, and the audit has compared the services with the books
"""
