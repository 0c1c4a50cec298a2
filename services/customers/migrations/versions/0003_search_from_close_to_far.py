"""A name fragment is looked for among names of a closeness that is asked for.

Revision ID: 0003
"""

from alembic import op

from chassis.migrations import api_of, worker_of
from chassis.tables import CURRENT_TENANT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A search beside the one of 0002, which a version before this one asks while an upgrade rolls."""
    # The closer a match must be, the fewer of the index's long lists are read: 2 ms instead of 50 among a hundred
    # thousand names.
    op.execute("select similarity('', '')")  # loads the extension: its setting is not known before
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
    logins = f"{api_of('customers')}, {worker_of('customers')}"
    op.execute("revoke all on function search_customers(text, integer, real) from public")
    op.execute(f"grant execute on function search_customers(text, integer, real) to {logins}")
    # New names wait in a list that each search reads whole: by default it may grow to four megabytes, and did.
    op.execute("alter index ix_customer_search_name set (gin_pending_list_limit = 64)")
