INSERT OR REPLACE INTO lemmas (key, checker_version, verdict, method, resource_spent) VALUES ($key, $version, $verdict, $method, $spent);
