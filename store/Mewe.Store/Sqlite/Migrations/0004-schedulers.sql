-- Who decides what runs where: the silos of a store all have the same scheduler.
ALTER TABLE silos ADD COLUMN scheduler TEXT NOT NULL DEFAULT 'leases';
