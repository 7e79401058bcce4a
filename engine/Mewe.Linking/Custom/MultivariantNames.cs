namespace Mewe.Linking.Custom;

/// <summary>How the functions and globals of a multivariant module are called.</summary>
internal static class MultivariantNames
{
    /// <param name="parametersOf">Number of parameters of a function of the multivariant module.</param>
    public static void Add(NameSectionRewriter names, MultivariantMap map, IEnumerable<(uint Index, string Name)> globals, Func<uint, int> parametersOf)
    {
        foreach (var generated in map.Generated)
        {
            names.NameFunction(generated.Index, generated.Role switch
            {
                GeneratedRole.Random => "mewe.random",
                GeneratedRole.Choose => "mewe.choose",
                GeneratedRole.SeedFromWasi => "mewe.seed_from_wasi",
                GeneratedRole.SeedExport => "mewe_seed",
                GeneratedRole.Mix => "mewe.mix",
                _ => throw new ArgumentOutOfRangeException(nameof(map), generated.Role, null),
            });
        }

        foreach (var (index, name) in globals)
        {
            names.NameGlobal(index, name);
        }

        foreach (var wrapper in map.Wrappers)
        {
            names.NameFunction(wrapper.Index, $"{NameOf(wrapper.Function)}.mewe.{(wrapper.IsStart ? "start" : "entry")}");
        }

        foreach (var function in map.Functions)
        {
            if (function.Original is not { } original)
            {
                continue;
            }

            var name = NameOf(function.Index);
            names.NameFunction(original, $"{name}.mewe.original");
            names.MoveCode(function.Index, original, parametersOf(function.Index));
            for (var i = 0; i < function.Variants.Length; i++)
            {
                var variant = function.Variants[i];
                names.NameFunction(variant.Index, $"{name}.mewe.{i + 1}");
                for (var k = 0; k < variant.Outlined.Length; k++)
                {
                    names.NameFunction(variant.Outlined[k], $"{name}.mewe.{i + 1}.outlined.{k}");
                }
            }
        }

        string NameOf(uint function) => names.FunctionName(function) ?? $"f{function}";
    }
}
