-- Release 2 does not work on this: it asks for note.
ALTER TABLE orders RENAME COLUMN note TO remark;
