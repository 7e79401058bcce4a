using System.Collections.Concurrent;
using System.Net;
using Mewe.Silo.Api;
using Mewe.Store;
using Microsoft.AspNetCore.Http.Features;

namespace Mewe.Silo.Access;

/// <summary>Who asks.</summary>
/// <param name="Id">Of the key; null for nobody in particular, on a machine's own silo without keys.</param>
internal sealed record Caller(string? Id, ApiRoles Roles)
{
    public bool May(ApiRoles role) => Roles.HasFlag(ApiRoles.Admin) || Roles.HasFlag(role);
}

/// <summary>
/// Checks bearer keys. A key is looked up by its hash; what was found is believed for <see cref="Remembered"/>, so that a revoked key ends soon and a busy one does not cost a question each time. Without any
/// key in the store a silo that only its own machine can reach answers everybody there, but no pages of other sites: a request must name the machine as loopback and come from no foreign origin.
/// </summary>
internal sealed class ApiAccess(IApiKeyStore keys, Exposure exposure, TimeProvider time)
{
    private const string Scheme = "Bearer ";
    private const int Most = 10_000;

    /// <summary>How long an answer of the store is believed.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<BlobHash, (ApiKeyRecord? Key, long At)> known = new();
    private (bool Any, long At)? anyKey;

    /// <summary>Who asks, or the answer that they get instead.</summary>
    public async Task<(Caller? Caller, IResult? Refusal)> AuthenticateAsync(HttpContext context, ApiRoles role)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
        {
            return await AnonymousAsync(context);
        }

        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return (null, Unauthorized(context, "the key belongs into the header, as `Authorization: Bearer KEY`"));
        }

        var hash = ApiKeySecret.HashOf(header[Scheme.Length..].Trim());
        if (!known.TryGetValue(hash, out var entry) || time.GetElapsedTime(entry.At) > Remembered)
        {
            var answer = await keys.FindKeyAsync(hash, context.RequestAborted);
            if (!answer.TryGet(out var found))
            {
                return (null, Problems.StoreUnavailable(answer.Problem!));
            }

            if (known.Count >= Most)
            {
                known.Clear();
            }

            known[hash] = entry = (found, time.GetTimestamp());
        }

        if (entry.Key is not { } key)
        {
            return (null, Unauthorized(context, "there is no such key, or it was revoked"));
        }

        var caller = new Caller(key.Id, key.Roles);
        return caller.May(role) ? (caller, null) : (null, Problems.Of(StatusCodes.Status403Forbidden, "forbidden", $"this key may not do this: it lacks the role {role.ToString().ToLowerInvariant()}"));
    }

    private async Task<(Caller?, IResult?)> AnonymousAsync(HttpContext context)
    {
        if (!exposure.IsLoopbackOnly || !IsLocal(context))
        {
            return (null, Unauthorized(context, "a key is needed: `Authorization: Bearer KEY`"));
        }

        if (anyKey is not { } entry || time.GetElapsedTime(entry.At) > Remembered)
        {
            var answer = await keys.AnyKeyAsync(context.RequestAborted);
            if (!answer.TryGet(out var any))
            {
                return (null, Problems.StoreUnavailable(answer.Problem!));
            }

            anyKey = entry = (any, time.GetTimestamp());
        }

        return entry.Any ? (null, Unauthorized(context, "a key is needed: `Authorization: Bearer KEY`")) : (new Caller(null, ApiRoles.Submit | ApiRoles.Read | ApiRoles.Admin), null);
    }

    private static bool IsLocal(HttpContext context) =>
        Exposure.IsLoopback($"http://{context.Request.Host.Value}")
        && (context.Request.Headers.Origin.ToString() is not { Length: > 0 } origin || Exposure.IsLoopback(origin))
        && (context.Features.Get<IHttpConnectionFeature>()?.RemoteIpAddress is not { } remote || IPAddress.IsLoopback(remote));

    private static IResult Unauthorized(HttpContext context, string detail)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer realm=\"mewe\"";
        return Problems.Of(StatusCodes.Status401Unauthorized, "unauthorized", detail);
    }
}
