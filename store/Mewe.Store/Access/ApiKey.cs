using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Mewe.Store;

/// <summary>What a key may do. The numbers stand in stores.</summary>
[Flags]
public enum ApiRoles
{
    None = 0,
    /// <summary>Submit, cancel and retry jobs.</summary>
    Submit = 1,
    /// <summary>See jobs and download what they made.</summary>
    Read = 2,
    /// <summary>Everything, with keys, silos and retention.</summary>
    Admin = 4,
}

/// <summary>A key as it is kept: never the key itself.</summary>
/// <param name="Id">Names the key in lists and logs; no secret.</param>
/// <param name="Name">For people: whose it is.</param>
public sealed record ApiKeyRecord(string Id, string Name, ApiRoles Roles, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt);

/// <summary>
/// Keys: `mewe_` and 32 random bytes in base64url. They are kept as their SHA-256; a slow hash is for passwords that can be guessed, and 256 random bits cannot.
/// </summary>
public static class ApiKeySecret
{
    public const string Prefix = "mewe_";

    private const int Bytes = 32;

    public static string New() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Bytes));

    /// <summary>What the store knows a key by.</summary>
    public static BlobHash HashOf(string secret) => BlobHash.Of(Encoding.UTF8.GetBytes(secret));
}

/// <summary>The keys of a cluster's HTTP API.</summary>
public interface IApiKeyStore
{
    /// <summary>Keeps a new key.</summary>
    /// <param name="secret">Its hash, by <see cref="ApiKeySecret.HashOf"/>.</param>
    Task<StoreAnswer<ApiKeyRecord>> AddKeyAsync(string name, BlobHash secret, ApiRoles roles, CancellationToken cancellation);

    /// <summary>The key with this hash; null when there is none, or it was revoked.</summary>
    Task<StoreAnswer<ApiKeyRecord?>> FindKeyAsync(BlobHash secret, CancellationToken cancellation);

    /// <summary>All keys, with the revoked ones, the oldest first.</summary>
    Task<StoreAnswer<IReadOnlyList<ApiKeyRecord>>> ListKeysAsync(CancellationToken cancellation);

    /// <summary>Whether there is a key that was not revoked.</summary>
    Task<StoreAnswer<bool>> AnyKeyAsync(CancellationToken cancellation);

    /// <summary>Revokes a key.</summary>
    /// <returns>Whether there is one of this id.</returns>
    Task<StoreAnswer<bool>> RevokeKeyAsync(string id, CancellationToken cancellation);
}
