SELECT key, verdict, method, resource_spent FROM lemmas WHERE checker_version = $version;
