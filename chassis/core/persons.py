"""The names by which the chassis knows persons and their erasure. It knows no other business."""

ERASURE = "customers.customer_erased.v1"
"""The type of the event that asks every service to erase a person. Later events of the person are ignored."""
RECORD_PATH = "/customers/{"
"""Operations on the record of a person have it in their path. They respond with 410 once the person was erased."""
