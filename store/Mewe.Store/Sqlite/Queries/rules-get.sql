SELECT text, width, how_proved, origin FROM learned_rules WHERE checker_version = $version ORDER BY text;
