-- manifest-kind: The manifest's `kind` is `openviking.ovpack`.
-- Cure: give a pack that OpenViking or ovpack has written.
SELECT '' AS path, 'kind is `' || kind || '`; expected `openviking.ovpack`' AS detail FROM manifest WHERE kind <> 'openviking.ovpack';
