using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Client;

/// <summary>Reads modules from files; one that is no valid module ends the command with what, where and the exit code for bad data.</summary>
internal static class Modules
{
    public static WasmModule Read(string path)
    {
        var module = ModuleReader.TryRead(Files.Read(path), out var error);
        error ??= ModuleValidator.Validate(module!, CancellationToken.None);
        return error is null ? module! : throw new CommandException(ExitCode.DataError, $"{path}: {error}");
    }

    /// <summary>Runs something that may still find the module's bytes wrong.</summary>
    public static T Guard<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (WasmException exception)
        {
            throw new CommandException(ExitCode.DataError, $"{path}: {exception.Error}");
        }
    }
}
