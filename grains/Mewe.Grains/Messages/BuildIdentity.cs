using System.Security.Cryptography;
using System.Text;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>
/// Names this build of the parts that decide results. Silos of different builds, say in the middle of an upgrade, may propose different candidates, so a job is worked on by the build that planned it, and others
/// leave it alone.
/// </summary>
public static class BuildIdentity
{
    /// <summary>The version, and twelve hexadecimal digits of a hash over the assemblies' identities.</summary>
    public static string Text { get; } = Name();

    private static string Name()
    {
        Type[] parts = [typeof(WasmModule), typeof(Diversifier), typeof(DifferentialTester), typeof(MultivariantLinker), typeof(BuildIdentity)];
        var identities = string.Join(' ', parts.Select(part => part.Module.ModuleVersionId.ToString("N")));
        return $"{ToolVersion.Text}+{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identities)))[..12]}";
    }
}
