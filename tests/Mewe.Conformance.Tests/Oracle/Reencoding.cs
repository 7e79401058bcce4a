using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Conformance.Tests.Oracle;

/// <summary>Modules that Mewe read and wrote again.</summary>
public static class Reencoding
{
    /// <summary>The module with nothing touched; null where Mewe cannot read it.</summary>
    public static byte[]? Untouched(ReadOnlyMemory<byte> original) => ModuleReader.TryRead(original, out _) is { } module ? ModuleWriter.Write(module) : null;

    /// <summary>The module with every section, every body and every custom section made anew from the model; null where Mewe cannot read it.</summary>
    public static byte[]? FromModel(ReadOnlyMemory<byte> original)
    {
        if (ModuleReader.TryRead(original, out _) is not { } module)
        {
            return null;
        }

        Replace(module.TypeGroups);
        Replace(module.Imports);
        Replace(module.FunctionTypes);
        Replace(module.Tables);
        Replace(module.Memories);
        Replace(module.Tags);
        Replace(module.Globals);
        Replace(module.Exports);
        Replace(module.Elements);
        Replace(module.Data);
        module.Start = module.Start;
        module.DataCount = module.DataCount;
        for (var i = 0; i < module.Bodies.Count; i++)
        {
            module.Bodies[i] = new FunctionBody(module.Bodies[i].Decode());
        }

        for (var i = 0; i < module.Layout.Count; i++)
        {
            if (module.Layout[i].Custom is { } custom)
            {
                module.Layout[i] = new SectionPlace(SectionId.Custom, default, 0) { Custom = custom };
            }
        }

        return ModuleWriter.Write(module);
    }

    // An entry that is put in its own place makes the section a changed one, which is encoded again.
    private static void Replace<T>(Section<T> section)
    {
        for (var i = 0; i < section.Count; i++)
        {
            section[i] = section[i];
        }
    }
}
