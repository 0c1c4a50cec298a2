"""Search a name fragment among names of a requested closeness.

Revision ID: 0003
"""

from alembic import op

from chassis.db.migrations import api_role, worker_role
from chassis.db.tables import CURRENT_TENANT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create a search beside that of 0002, which the previous version calls during a rolling upgrade."""
    # The closer a match must be, the fewer of the index's long lists are read: 2 ms instead of 50 among a hundred
    # thousand names.
    op.execute("select similarity('', '')")  # loads the extension: its setting is unknown before
    op.execute(
        f"""
        create function search_customers(fragment text, most integer, closeness real)
        returns table (id uuid, score real)
        language plpgsql stable security definer set search_path = public, pg_temp
        set pg_trgm.word_similarity_threshold = 0.6 as $$
        begin
            perform set_config('pg_trgm.word_similarity_threshold', closeness::text, true);
            return query
                select customer.id, word_similarity(fragment, search_name) as score from customer
                where tenant_id = (select {CURRENT_TENANT}) and fragment <% search_name
                order by score desc, customer.id limit most;
        end
        $$
        """
    )
    logins = f"{api_role('customers')}, {worker_role('customers')}"
    op.execute("revoke all on function search_customers(text, integer, real) from public")
    op.execute(f"grant execute on function search_customers(text, integer, real) to {logins}")
    # New names wait in a list that each search reads whole. By default it may grow to four megabytes, and it did.
    op.execute("alter index ix_customer_search_name set (gin_pending_list_limit = 64)")
