using System.Net;
using Mewe.Store;

namespace Mewe.Silo.Access;

/// <summary>Who can reach the silo, by the addresses on which it listens.</summary>
internal sealed class Exposure(IReadOnlyCollection<string> urls)
{
    /// <summary>True where only this machine can reach it. Only then may it answer without a key, and only as long as the cluster has none.</summary>
    public bool IsLoopbackOnly { get; } = urls.All(IsLoopback);

    /// <exception cref="StartupException">The silo would listen to other machines, and there is no key that they would have to show.</exception>
    public static async Task CheckAsync(IReadOnlyCollection<string> urls, IApiKeyStore keys, CancellationToken cancellationToken)
    {
        if (urls.FirstOrDefault(url => !IsLoopback(url)) is not { } open)
        {
            return;
        }

        var answer = await keys.AnyKeyAsync(cancellationToken);
        if (!answer.TryGet(out var any))
        {
            throw new StartupException(ExitCode.Unavailable, answer.Problem!.Message);
        }

        if (!any)
        {
            throw new StartupException(ExitCode.Usage, $"{open} is not loopback, and there is no key: whoever reaches it could submit jobs. `mewe admin key create` makes one");
        }
    }

    /// <summary>Whether an address names this machine to itself. What is not understood (a wildcard, a name) does not.</summary>
    internal static bool IsLoopback(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address)));
}
