"""The event plane: what an event is, the log that carries it, how it gets there and how far it was consumed.

Writers add to the outbox in the transaction of their change (``outbox``); ``relay`` moves it to the log; consumers read the
log and move their place in it (``offsets``) in the transaction of their effects, so a redelivery has none. The log
itself is Kafka or a table in Postgres behind one interface (``log``).
"""
