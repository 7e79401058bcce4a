using System.Text;
using Mewe.Wasm;
using Mewe.Wasm.Names;

namespace Mewe.Linking.Custom;

/// <summary>
/// How the functions and globals of a multivariant module are called. Names of the original follow their functions: a dispatcher keeps the name, and the
/// names of locals and labels go to the appended original, where the code is.
/// </summary>
internal static class MultivariantNames
{
    public static void Shift(NameSection names, FunctionIndexShift shift)
    {
        if (shift.IsNone)
        {
            return;
        }

        // From the last to the first, so that no name is put where one still stands.
        foreach (var (function, name) in names.Functions.Reverse().Where(entry => shift.Apply(entry.Key) != entry.Key).ToList())
        {
            names.Functions[shift.Apply(function)] = name;
            names.Functions[function] = null;
        }

        foreach (var map in new[] { names.Locals, names.Labels })
        {
            foreach (var (function, _) in map.Reverse().Where(entry => shift.Apply(entry.Key) != entry.Key).ToList())
            {
                Move(map, function, shift.Apply(function));
            }
        }
    }

    /// <param name="parametersOf">Number of parameters of a function of the multivariant module.</param>
    public static void Add(NameSection names, MultivariantMap map, IEnumerable<(uint Index, string Name)> globals, Func<uint, int> parametersOf)
    {
        foreach (var generated in map.Generated)
        {
            names.Functions[generated.Index] = generated.Role switch
            {
                GeneratedRole.Random => "mewe.random",
                GeneratedRole.Choose => "mewe.choose",
                GeneratedRole.SeedFromWasi => "mewe.seed_from_wasi",
                GeneratedRole.SeedExport => "mewe_seed",
                GeneratedRole.Mix => "mewe.mix",
                GeneratedRole.Draw => "mewe.draw",
                GeneratedRole.Refill => "mewe.refill",
                GeneratedRole.Fill => "mewe.fill",
                _ => throw new ArgumentOutOfRangeException(nameof(map), generated.Role, null),
            };
        }

        foreach (var (index, name) in globals)
        {
            names.Globals[index] = name;
        }

        foreach (var wrapper in map.Wrappers)
        {
            names.Functions[wrapper.Index] = Fit($"{NameOf(wrapper.Function)}.mewe.{(wrapper.IsStart ? "start" : "entry")}");
        }

        foreach (var function in map.Functions)
        {
            var name = NameOf(function.Index);
            if (function.Original is { } original)
            {
                names.Functions[original] = Fit($"{name}.mewe.original");
                MoveCode(names, function.Index, original, parametersOf(function.Index));
            }

            for (var i = 0; i < function.Variants.Length; i++)
            {
                var variant = function.Variants[i];
                names.Functions[variant.Index] = Fit($"{name}.mewe.{i + 1}");
                for (var k = 0; k < variant.Outlined.Length; k++)
                {
                    names.Functions[variant.Outlined[k]] = Fit($"{name}.mewe.{i + 1}.outlined.{k}");
                }
            }
        }

        string NameOf(uint function) => names.Functions[function] ?? $"f{function}";
    }

    /// <summary>The dispatcher that the code leaves behind has no locals but the parameters, and no labels that anybody named.</summary>
    private static void MoveCode(NameSection names, uint from, uint to, int parameters)
    {
        if (names.Labels.TryGet(from, out _))
        {
            Move(names.Labels, from, to);
        }

        if (names.Locals.TryGet(from, out var locals))
        {
            var kept = locals.Where(entry => entry.Key < parameters).ToList();
            Move(names.Locals, from, to);
            foreach (var (local, name) in kept)
            {
                names.Locals[from][local] = name;
            }
        }
    }

    private static void Move(IndirectNameMap map, uint from, uint to)
    {
        if (map.TryGet(from, out var inner))
        {
            foreach (var (index, name) in inner)
            {
                map[to][index] = name;
            }

            map.Remove(from);
        }
    }

    /// <summary>
    /// A name may not be longer than <see cref="Limits.MaxNameBytes"/>, and a suffix must not push one over the limit: the end is kept, which tells the
    /// variants apart.
    /// </summary>
    private static string Fit(string name)
    {
        while (Encoding.UTF8.GetByteCount(name) > Limits.MaxNameBytes)
        {
            var cut = Math.Max(1, (Encoding.UTF8.GetByteCount(name) - Limits.MaxNameBytes + 3) / 4);
            cut += char.IsLowSurrogate(name[cut]) ? 1 : 0;
            name = name[cut..];
        }

        return name;
    }
}
