INSERT INTO learned_rules (text, checker_version, width, how_proved, origin) VALUES ($text, $version, $width, $how, $origin) ON CONFLICT DO NOTHING;
