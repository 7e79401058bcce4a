return await Mewe.Silo.SiloProgram.RunAsync(args, new Mewe.Silo.Orleans.OrleansScheduling());
