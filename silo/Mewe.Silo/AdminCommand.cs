using System.CommandLine;
using System.Text.Json;
using Mewe.Store;

namespace Mewe.Silo;

/// <summary><c>mewe admin key create|list|revoke</c> and <c>mewe admin prune</c>: what an operator does with the store at hand.</summary>
internal static class AdminCommand
{
    public static Command Command()
    {
        var store = new Option<string?>("--store") { Description = $"The cluster's store, such as \"Host=...;Database=...\" (default: {OpenedStore.Variable})", HelpName = "STORE", Recursive = true };
        var json = new Option<bool>("--json") { Description = "Write the result as JSON to standard output", Recursive = true };
        var create = Create(store, json);
        var list = new Command("list", "List the keys, with those that were revoked") { };
        list.SetAction(async (parsed, token) => await ListAsync(parsed.GetValue(store), parsed.GetValue(json), token));
        var id = new Argument<string>("ID") { Description = "The id of the key (`mewe admin key list`), not the key" };
        var revoke = new Command("revoke", "Revoke a key: within seconds no silo takes it any more") { id };
        revoke.SetAction(async (parsed, token) => await RevokeAsync(parsed.GetValue(store), parsed.GetRequiredValue(id), token));
        var days = new Option<int>("--days") { Description = "Jobs that finished longer ago are deleted, with all that they have", DefaultValueFactory = _ => 30, HelpName = "N" };
        days.Validators.Add(result =>
        {
            if (result.GetValue(days) < 0)
            {
                result.AddError("--days is at least 0");
            }
        });
        var prune = new Command("prune", "Delete what finished long ago") { days };
        prune.SetAction(async (parsed, token) => await PruneAsync(parsed.GetValue(store), parsed.GetValue(days), parsed.GetValue(json), token));
        return new Command("admin", "Keys and retention of a cluster") { new Command("key", "Keys of the HTTP API") { create, list, revoke }, prune, store, json };
    }

    private static Command Create(Option<string?> store, Option<bool> json)
    {
        var name = new Option<string>("--name") { Description = "Whose it is, for people", Required = true, HelpName = "NAME" };
        var roles = new Option<string[]>("--role")
        {
            Description = "What it may do: submit (submit, cancel and retry jobs), read (see jobs and download), admin (everything); may be given several times", Required = true, AllowMultipleArgumentsPerToken = true,
        };
        roles.AcceptOnlyFromAmong("submit", "read", "admin");
        var create = new Command("create", """
            Make a key. It is shown this once; the store keeps its hash.

            Example:
              mewe admin key create --name nightly --role submit --role read > key.txt
            """) { name, roles };
        create.SetAction(async (parsed, token) =>
        {
            var granted = parsed.GetRequiredValue(roles).Select(role => Enum.Parse<ApiRoles>(role, ignoreCase: true)).Aggregate((a, b) => a | b);
            await using var opened = await OpenAsync(parsed.GetValue(store), token);
            var secret = ApiKeySecret.New();
            var key = Value(await opened.Keys.AddKeyAsync(parsed.GetRequiredValue(name), ApiKeySecret.HashOf(secret), granted, token));
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(new CreatedKey(key.Id, key.Name, Words(key.Roles), secret), AdminJsonContext.Default.CreatedKey));
            }
            else
            {
                Console.Error.WriteLine($"key {key.Id} for {key.Name}; it is shown this once:");
                Console.WriteLine(secret);
            }

            return ExitCode.Success;
        });
        return create;
    }

    private static async Task<int> ListAsync(string? store, bool json, CancellationToken cancellationToken)
    {
        await using var opened = await OpenAsync(store, cancellationToken);
        var keys = Value(await opened.Keys.ListKeysAsync(cancellationToken));
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize([.. keys.Select(key => new ListedKey(key.Id, key.Name, Words(key.Roles), key.CreatedAt, key.RevokedAt))], AdminJsonContext.Default.ListedKeyArray));
            return ExitCode.Success;
        }

        foreach (var key in keys)
        {
            Console.WriteLine($"{key.Id}  {string.Join(',', Words(key.Roles)),-18}  {key.CreatedAt:u}  {(key.RevokedAt is { } revoked ? $"revoked {revoked:u}" : "valid"),-28}  {key.Name}");
        }

        return ExitCode.Success;
    }

    private static async Task<int> RevokeAsync(string? store, string id, CancellationToken cancellationToken)
    {
        await using var opened = await OpenAsync(store, cancellationToken);
        if (Value(await opened.Keys.RevokeKeyAsync(id, cancellationToken)))
        {
            Console.WriteLine($"revoked {id}");
            return ExitCode.Success;
        }

        Console.Error.WriteLine($"mewe: there is no key {id}");
        return ExitCode.Negative;
    }

    private static async Task<int> PruneAsync(string? store, int days, bool json, CancellationToken cancellationToken)
    {
        await using var opened = await OpenAsync(store, cancellationToken);
        var count = Value(await opened.Jobs.PruneAsync(TimeSpan.FromDays(days), cancellationToken));
        Console.WriteLine(json ? $$"""{"jobs":{{count.Jobs}},"blobs":{{count.Blobs}}}""" : $"deleted {count.Jobs} jobs and {count.Blobs} blobs");
        return ExitCode.Success;
    }

    private static Task<OpenedStore> OpenAsync(string? store, CancellationToken cancellationToken) => OpenedStore.OpenAsync(store, JobLimits.Lease, TimeSpan.Zero, cancellationToken);

    private static T Value<T>(StoreAnswer<T> answer) => answer.TryGet(out var value) ? value : throw new StartupException(ExitCode.Unavailable, answer.Problem!.Message);

    private static string[] Words(ApiRoles roles) => [.. Enum.GetValues<ApiRoles>().Where(role => role != ApiRoles.None && roles.HasFlag(role)).Select(role => role.ToString().ToLowerInvariant())];
}

/// <summary>A key that was just made.</summary>
internal sealed record CreatedKey(string Id, string Name, string[] Roles, string Key);

/// <summary>A key in a list.</summary>
internal sealed record ListedKey(string Id, string Name, string[] Roles, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt);

[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
[System.Text.Json.Serialization.JsonSerializable(typeof(CreatedKey))]
[System.Text.Json.Serialization.JsonSerializable(typeof(ListedKey[]))]
internal sealed partial class AdminJsonContext : System.Text.Json.Serialization.JsonSerializerContext;
