SELECT verdict, method, resource_spent FROM lemmas WHERE key = $key AND checker_version = $version;
