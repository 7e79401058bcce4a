using Mewe.Linking;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Grains;

/// <summary>Whether bytes are a module that a job can be submitted with: what can be said without an engine.</summary>
public static class ModuleCheck
{
    /// <summary>What is wrong, and at which byte where that can be said; null for nothing.</summary>
    public static (string Message, long? Offset)? Error(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var module = ModuleReader.TryRead(bytes, out var error);
        error ??= ModuleValidator.Validate(module!, cancellationToken);
        return error is not null ? (error.ToString(), error.Offset)
            : MeweSection.IsIn(module!) ? ("this module is multivariant already; give the original", null)
            : null;
    }
}
